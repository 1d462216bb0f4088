import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startNginx } from '#test/support/nginx.ts';
import { REGION, startMeridianAs } from './meridian.ts';
import type { Server, ServerOptions } from './server.ts';

export const BEHIND_NGINX = 'meridian, nginx';

/** Meridian behind nginx with the profile of deploy/, which sends blobs' files itself. */
export async function startMeridianBehindNginx(options: ServerOptions): Promise<Server> {
  const meridian = await startMeridianAs(BEHIND_NGINX, { MERIDIAN_ACCEL_LOCATION: '/meridian-blobs/' })(
    options,
  );
  const storageDir = join(options.dataDir, REGION, 'storage');
  const scratch = join(options.dataDir, 'nginx');
  try {
    const nginx = await startNginx({
      ...{ frontend: meridian.registry, storageDir, seenDir: storageDir, scratch },
    });
    const pid = Number(await readFile(join(scratch, 'pid'), 'utf8'));
    return {
      ...meridian,
      registry: nginx.registry,
      pids: () => [...meridian.pids(), pid],
      stop: async () => {
        await nginx.stop();
        await meridian.stop();
      },
    };
  } catch (error) {
    await meridian.stop();
    throw error;
  }
}
