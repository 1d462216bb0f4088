import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerRuntimeClient, GenericContainer } from 'testcontainers';
import type { FoundProgram, RunningServer, ServerProgram, WantedProgram } from './server-program.ts';

const ENGINE_TIMEOUT_MS = 5_000;
const PULL_TIMEOUT_MS = 60_000;

/** The program as a container of a Docker engine that shares this machine's network, for these listen where tests say. */
export async function findContainerProgram({ binary, image }: WantedProgram): Promise<FoundProgram> {
  if (process.platform !== 'linux') return { program: undefined, missing: 'no Docker engine of this system' };
  // Loaded where it is used: it takes half a second.
  const testcontainers = await import('testcontainers');
  const engine = await within(ENGINE_TIMEOUT_MS, testcontainers.getContainerRuntimeClient());
  if (engine === undefined) return { program: undefined, missing: 'no Docker engine answers' };
  const name = testcontainers.ImageName.fromString(image);
  const held =
    (await engine.image.exists(name)) ||
    (await within(
      PULL_TIMEOUT_MS,
      engine.image.pull(name).then(() => true),
    ));
  if (held !== true) return { program: undefined, missing: `Docker can't get the image ${image}` };
  const make = (): GenericContainer => new testcontainers.GenericContainer(image);
  return { program: containerProgram(make, engine, binary), missing: undefined };
}

function containerProgram(
  make: () => GenericContainer,
  engine: ContainerRuntimeClient,
  binary: string,
): ServerProgram {
  return {
    launch: async (args, dataDir) => {
      const started = await make()
        .withEntrypoint([binary])
        .withCommand([...args])
        .withNetworkMode('host')
        .withBindMounts([{ source: dataDir, target: dataDir, mode: 'rw' }])
        .withWorkingDir(dataDir)
        .withUser(`${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`)
        // Its own way of cleaning up is one more image, which may not be had.
        .withAutoCleanup(false)
        .start();
      return control(engine, started.getId());
    },
  };
}

function control(engine: ContainerRuntimeClient, id: string): RunningServer {
  const container = engine.container.getById(id);
  let removed = false;
  return {
    hasEnded: async () => removed || !(await container.inspect()).State.Running,
    pause: async () => {
      await container.pause();
    },
    resume: async () => {
      await container.unpause();
    },
    kill: async () => {
      if (removed) return;
      removed = true;
      await container.remove({ force: true });
    },
  };
}

/** Undefined where it fails or takes longer. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  const late = new AbortController();
  try {
    return await Promise.race([
      work.catch(() => undefined),
      pause(timeoutMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
  } finally {
    late.abort();
  }
}
