import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

/** A registry client of others that tests drive, such as skopeo. */
export interface ClientProgram extends Availability {
  /** Gives what it prints. Rejects with its error output. */
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<string>;
}

export interface Availability {
  readonly usable: boolean;
  /** For the names of tests that need it: empty, or why they are left out. */
  readonly leftOut: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Beside the environment of this process. */
  readonly env?: Record<string, string>;
  /** What it reads of its standard input. */
  readonly input?: string;
}

const PROBE_TIMEOUT_MS = 20_000;
const RUN_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Looks for a client on the PATH; `probe` are arguments with which it succeeds wherever it can be used. */
export function findClient(
  name: string,
  probe: readonly string[] = ['--version'],
  options: RunOptions = {},
): ClientProgram {
  const { error, status, stderr } = spawnSync(name, probe, {
    ...withEnvironment(options),
    encoding: 'utf8',
    timeout: PROBE_TIMEOUT_MS,
  });
  const absent = error !== undefined && 'code' in error && error.code === 'ENOENT';
  const unusable = `${name} can't be used here: ${error?.message ?? lastLine(stderr)}`;
  const missing = absent ? `no ${name} on the PATH` : status === 0 ? undefined : unusable;
  return {
    ...availability(name, missing),
    run: async (args, given = {}) => {
      const limits = { timeout: RUN_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
      const running = promisify(execFile)(name, args, { ...limits, ...withEnvironment(given) });
      // A program that has ended already reads nothing.
      running.child.stdin?.on('error', () => undefined).end(given.input ?? '');
      return (await running).stdout;
    },
  };
}

/** `missing` says why tests that need `name` can't run. An error where there is a reason and MERIDIAN_TEST_REQUIRE has the name. */
export function availability(name: string, missing: string | undefined): Availability {
  if (missing === undefined) return { usable: true, leftOut: '' };
  if ((process.env['MERIDIAN_TEST_REQUIRE'] ?? '').split(',').includes(name)) {
    throw new Error(`MERIDIAN_TEST_REQUIRE asks for ${name}, but: ${missing}.`);
  }
  return { usable: false, leftOut: ` (left out: ${missing})` };
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function withEnvironment({ cwd, env }: RunOptions): { cwd: string | undefined; env: NodeJS.ProcessEnv } {
  return { cwd, env: { ...process.env, ...env } };
}
