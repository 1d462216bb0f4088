import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openRpcChannel } from '#libs/rpc/client.ts';
import { storageContract, uploadsContract, type Storage, type Uploads } from '#libs/rpc/contracts.ts';

const entry = fileURLToPath(new URL('../../services/storage/main.ts', import.meta.url));

/** A storage service that runs as a real process, called over gRPC. */
export interface StorageProcess {
  readonly storage: Storage;
  readonly uploads: Uploads;
  /** Ends the process as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Asks it to stop; the exit code. */
  stop(): Promise<number | null>;
  /** The most memory that the process has ever had, in bytes. */
  peakMemoryBytes(): Promise<number>;
}

/** Starts a process on `dataDir`; rejects with what it wrote to standard error where it does not come up. */
export async function startStorageProcess(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<StorageProcess> {
  const child = fork(entry, {
    env: {
      PATH: process.env['PATH'],
      MERIDIAN_REGION: 'eu',
      MERIDIAN_LISTEN: '127.0.0.1:0',
      MERIDIAN_DATA_DIR: dataDir,
      MERIDIAN_LOG_LEVEL: 'error',
      ...env,
    },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const port = await portOf(child);
  const channel = openRpcChannel({ address: `127.0.0.1:${port}` });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    channel.close();
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exited)[0];
  };
  return {
    storage: channel.client(storageContract),
    uploads: channel.client(uploadsContract),
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
    peakMemoryBytes: async () => {
      const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const ready = once(child, 'message') as Promise<[{ kind: string; port: number }]>;
  const gone = once(child, 'close').then(([code]) => {
    throw new Error(`The storage process ended with ${String(code)}: ${complaints}`);
  });
  ready.catch(() => undefined);
  gone.catch(() => undefined);
  const [{ port }] = await Promise.race([ready, gone]);
  return port;
}
