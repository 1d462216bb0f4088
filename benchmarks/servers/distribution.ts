import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '#test/support/ports.ts';
import { writeTags } from './distribution-tags.ts';
import { startProgram } from './program.ts';
import type { Server, ServerOptions, StartServer } from './server.ts';
import { versionOf } from './version.ts';

/** What this binary of distribution (or Debian's docker-registry, its version 2) does with the file system as its store. */
export function distribution(name: string, binary: string): StartServer {
  return (options) => startDistribution(name, binary, options);
}

/** The same as a cache that pulls through from another registry (`host:port`). */
export function distributionCache(name: string, binary: string, upstream: string): StartServer {
  return (options) => startDistribution(name, binary, options, upstream);
}

async function startDistribution(
  name: string,
  binary: string,
  { dataDir, logsRequests }: ServerOptions,
  upstream?: string,
): Promise<Server> {
  const [port = 0] = await freePorts(1);
  const registry = `127.0.0.1:${port}`;
  const root = join(dataDir, 'registry');
  await mkdir(root, { recursive: true });
  const config = join(dataDir, 'config.yml');
  await writeFile(config, configuration({ registry, root, logsRequests, upstream }));
  const server = await startProgram({
    ...{ name, registry, dataDir },
    version: await versionOf(binary, ['--version']),
    durability:
      'each file is flushed when it is complete; links to blobs and tags are small files of their own, renames are not flushed everywhere',
    command: [binary, 'serve', config],
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  return {
    ...server,
    addTags: (repository, { digest }, tags) => writeTags(root, repository, digest, tags),
  };
}

function configuration(settings: {
  readonly registry: string;
  readonly root: string;
  readonly logsRequests: boolean;
  readonly upstream: string | undefined;
}): string {
  const { registry, root, logsRequests, upstream } = settings;
  return [
    'version: 0.1',
    ...(logsRequests ? [] : ['log:', '  level: error', '  accesslog:', '    disabled: true']),
    'storage:',
    '  cache:',
    '    blobdescriptor: inmemory',
    '  filesystem:',
    `    rootdirectory: ${root}`,
    '  delete:',
    '    enabled: true',
    'http:',
    `  addr: ${registry}`,
    '  secret: benchmark',
    ...(upstream === undefined ? [] : ['proxy:', `  remoteurl: http://${upstream}`]),
    '',
  ].join('\n');
}
