import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server } from './server.ts';
import { untilAnswers } from './until-answers.ts';

export interface Program {
  readonly name: string;
  readonly version: string;
  readonly durability: string;
  readonly registry: string;
  readonly command: readonly [path: string, ...args: string[]];
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
}

const MAX_LAST_WORDS = 2_000;

/** A registry that is one program; what it writes goes to `log` in its data directory. Resolves when it answers. */
export async function startProgram(program: Program): Promise<Server> {
  const { name, version, durability, registry, dataDir } = program;
  let child = await launch(program);
  const end = async (): Promise<void> => {
    if (hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return {
    ...{ name, version, durability, registry, dataDir },
    pids: () => [child.pid ?? 0],
    restart: async () => {
      await end();
      child = await launch(program);
    },
    stop: end,
  };
}

async function launch({ name, command, dataDir, env, registry }: Program): Promise<ChildProcess> {
  const [path, ...args] = command;
  const logFile = join(dataDir, 'log');
  const log = openSync(logFile, 'a');
  const child = spawn(path, args, {
    cwd: dataDir,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  await once(child, 'spawn');
  try {
    await untilAnswers(registry, () => hasEnded(child));
  } catch (error) {
    child.kill('SIGKILL');
    const words = (await readFile(logFile, 'utf8')).slice(-MAX_LAST_WORDS);
    throw new Error(`${name} did not start: ${(error as Error).message}\n${words}`, { cause: error });
  }
  return child;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
