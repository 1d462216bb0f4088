import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild, type Child } from '#services/cluster/child.ts';
import type { PlannedProcess } from '#services/cluster/plan.ts';
import { freePorts } from '#test/support/ports.ts';
import type { Server, ServerOptions, StartServer } from './server.ts';
import { pushTags } from './meridian-tags.ts';
import { untilAnswers, type FirstQuestion } from './until-answers.ts';

export const REGION = 'us';

/**
 * Meridian with one region, as the launcher of `npm start` runs it: a process for the region and one for the embedded coordinator. As it is
 * the only region, a push is answered when it is on this region's disk.
 */
export const startMeridian: StartServer = startMeridianAs('meridian', {});

/** The same with more settings, under a name of its own; it is there when it answers `first`. */
export function startMeridianAs(
  name: string,
  env: Readonly<Record<string, string>>,
  first?: FirstQuestion,
): StartServer {
  return (options) => start(name, env, options, first);
}

async function start(
  name: string,
  env: Readonly<Record<string, string>>,
  { dataDir, logsRequests }: ServerOptions,
  first?: FirstQuestion,
): Promise<Server> {
  const [etcdPort = 0, port = 0, peerPort = 0] = await freePorts(3);
  const registry = `127.0.0.1:${port}`;
  const planned = [
    processOf('coordinator', 'coordinator/main.ts', join(dataDir, 'coordinator'), {
      MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
    }),
    processOf(REGION, 'region.ts', join(dataDir, REGION), {
      MERIDIAN_REGION: REGION,
      MERIDIAN_LISTEN: registry,
      MERIDIAN_PEER_LISTEN: `127.0.0.1:${peerPort}`,
      MERIDIAN_ETCD: `http://127.0.0.1:${etcdPort}`,
      MERIDIAN_REGIONS: `${REGION}=127.0.0.1:${peerPort}`,
      ...(logsRequests ? {} : { MERIDIAN_LOG_LEVEL: 'warn' }),
      ...env,
    }),
  ];
  let running: Running[] = [];
  const stop = async (): Promise<void> => {
    for (const { child } of running.reverse()) {
      child.stop();
      await child.ended;
    }
    running = [];
  };
  const launchAll = async (): Promise<void> => {
    for (const one of planned) running.push(await launch(one));
    await untilAnswers(registry, () => false, first);
  };
  await launchAll();
  return {
    ...{ name, registry, stop },
    version: `Meridian, Node ${process.version}`,
    durability: 'files, their directories and the catalog are flushed before a push is answered',
    addTags: (repository, manifest, tags) => pushTags(registry, repository, manifest, tags),
    pids: () => running.map(({ pid }) => pid),
    restart: async () => {
      await stop();
      await launchAll();
    },
  };
}

interface Running {
  readonly child: Child;
  readonly pid: number;
}

function processOf(
  name: string,
  entry: string,
  dataDir: string,
  env: Record<string, string>,
): PlannedProcess {
  return {
    ...{ name, entry, dataDir, env: { ...env, MERIDIAN_DATA_DIR: dataDir } },
    takesSettings: true,
    ports: [],
  };
}

async function launch(planned: PlannedProcess): Promise<Running> {
  await mkdir(planned.dataDir, { recursive: true });
  const child = startChild(planned, { event: () => undefined, administrator: () => undefined });
  await child.ready;
  return { child, pid: Number(await readFile(join(planned.dataDir, 'pid'), 'utf8')) };
}
