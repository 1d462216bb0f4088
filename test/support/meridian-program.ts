import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface MeridianAnswer {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const launcher = join(import.meta.dirname, '../../services/cli/meridian.mjs');

/** Runs the command-line program, as `npx meridian` does, against a registry: `host:port`. */
export async function meridian(registry: string, ...args: string[]): Promise<MeridianAnswer> {
  const program = spawn(launcher, args, {
    env: { ...process.env, MERIDIAN_URL: `http://${registry}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = await Promise.all([
    text(program.stdout),
    text(program.stderr),
    program.exitCode === null ? once(program, 'close') : undefined,
  ]);
  return { code: program.exitCode, out, err };
}

/** The rows below the line of headers that has all of these, each cell by its header. */
export function readTable(output: string, ...headers: string[]): Record<string, string>[] {
  const lines = output.split('\n');
  const top = lines.findIndex((line) => headers.every((header) => line.split(/ {2,}/).includes(header)));
  if (top === -1) throw new Error(`There is no table with ${headers.join(', ')} in:\n${output}`);
  const names = (lines[top] ?? '').trim().split(/ {2,}/);
  const end = lines.findIndex((line, index) => index > top && !line.includes('  '));
  return lines.slice(top + 1, end).map((line) => {
    const cells = line.trim().split(/ {2,}/);
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']));
  });
}
