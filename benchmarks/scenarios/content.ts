import type { Work } from '../load/work.ts';
import type { Context } from '../measure/context.ts';
import type { Server } from '../servers/server.ts';
import type { PlannedBlob, PlannedImage } from '../workload/images.ts';

const CONNECTIONS = 5;

/** Pushes what is to be asked for later; nothing of it is measured. */
export async function pushImages(
  context: Context,
  server: Server,
  images: readonly PlannedImage[],
): Promise<void> {
  await pushed(context, server, { kind: 'push-images', images, connections: CONNECTIONS });
}

/** The same for blobs alone. */
export async function pushBlobs(
  context: Context,
  server: Server,
  repository: string,
  blobs: readonly PlannedBlob[],
): Promise<void> {
  await pushed(context, server, {
    ...{ kind: 'push-blobs', repository, blobs, connections: CONNECTIONS },
    mode: 'monolithic',
  });
}

/** Work that must succeed whole. */
export async function pushed({ generator, progress }: Context, server: Server, work: Work): Promise<void> {
  progress.step(`pushing to ${server.name}`);
  await generator.prepare({ registry: server.registry, work });
  const { problems } = await generator.go();
  if (Object.keys(problems).length > 0)
    throw new Error(`${server.name} did not take what is to be measured: ${JSON.stringify(problems)}`);
}
