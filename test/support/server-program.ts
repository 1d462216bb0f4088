import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findContainerProgram } from './container-program.ts';

/** A server that tests run but that is no part of the project, such as etcd. */
export interface ServerProgram {
  /** Starts it with these arguments; `dataDir` is a directory of this machine that they may name. */
  launch(args: readonly string[], dataDir: string): Promise<RunningServer>;
}

export interface RunningServer {
  hasEnded(): Promise<boolean>;
  /** Lets it hang: connections stay, nothing is answered. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface WantedProgram {
  /** How MERIDIAN_TEST_REQUIRE names it. */
  readonly name: string;
  readonly binary: string;
  /** The environment variable that may name another binary. */
  readonly variable: string;
  /** The image that is run where there is no binary. */
  readonly image: string;
}

/** The program, or in `missing` why there is none. */
export type FoundProgram =
  | { readonly program: ServerProgram; readonly missing: undefined }
  | { readonly program: undefined; readonly missing: string };

/**
 * Looks for the binary that the variable names, then on the PATH, then for a Docker engine that has the image or can get it. An error where there
 * is none and MERIDIAN_TEST_REQUIRE names the program.
 */
export async function findProgram(wanted: WantedProgram): Promise<FoundProgram> {
  const { name, binary, variable } = wanted;
  const named = process.env[variable];
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, binary));
  const found = (named ? [named] : onPath).find(isExecutable);
  if (found !== undefined) return { program: binaryProgram(found), missing: undefined };
  const container = await findContainerProgram(wanted);
  if (container.program !== undefined) return container;
  const missing = `no ${binary} on the PATH, none named by ${variable}, and ${container.missing}`;
  if ((process.env['MERIDIAN_TEST_REQUIRE'] ?? '').split(',').includes(name))
    throw new Error(`MERIDIAN_TEST_REQUIRE names ${name}, but there is ${missing}.`);
  return { program: undefined, missing };
}

/** A note for the names of tests that can't run without the program. */
export function leftOut({ missing }: FoundProgram): string {
  return missing === undefined ? '' : ` (left out: ${missing})`;
}

function binaryProgram(path: string): ServerProgram {
  return {
    launch: async (args, dataDir) => {
      const child = spawn(path, args, { cwd: dataDir, stdio: 'ignore' });
      await once(child, 'spawn');
      const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
      return {
        hasEnded: async () => hasEnded(),
        pause: async () => void child.kill('SIGSTOP'),
        resume: async () => void child.kill('SIGCONT'),
        kill: async () => {
          if (hasEnded()) return;
          const ended = once(child, 'exit');
          child.kill('SIGKILL');
          await ended;
        },
      };
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
