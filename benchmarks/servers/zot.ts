import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '#test/support/ports.ts';
import { startProgram } from './program.ts';
import type { StartServer } from './server.ts';
import { versionOf } from './version.ts';

/** zot with its own file system store, told to flush what it commits. */
export function zot(name: string, binary: string): StartServer {
  return async ({ dataDir, logsRequests }) => {
    const [port = 0] = await freePorts(1);
    const config = join(dataDir, 'config.json');
    const settings = {
      distSpecVersion: '1.1.1',
      storage: { rootDirectory: join(dataDir, 'registry'), commit: true, gc: false },
      http: { address: '127.0.0.1', port: String(port) },
      log: { level: logsRequests ? 'info' : 'error' },
    };
    await writeFile(config, JSON.stringify(settings));
    return startProgram({
      ...{ name, dataDir, registry: `127.0.0.1:${port}` },
      version: await versionOf(binary, ['--version']),
      durability: 'each blob is flushed when it is complete (commit: true)',
      command: [binary, 'serve', config],
    });
  };
}
