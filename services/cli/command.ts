import type { ParseArgsOptionsConfig } from 'node:util';
import { connectApi, DEFAULT_REGISTRY, type Api } from './api/client.ts';
import { credentialsFor } from './api/credentials.ts';
import { parseArguments } from './arguments.ts';
import type { ExitCode } from './exit.ts';
import type { Prompt } from './input/secret.ts';
import { renderTable, type Column } from './output/table.ts';
import type { Terminal } from './output/terminal.ts';

/** What a command has to work with. */
export interface Tools {
  /** For answers. */
  readonly out: Terminal;
  /** For progress and remarks. */
  readonly err: Terminal;
  readonly prompt: Prompt;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Answers are for programs. */
  readonly json: boolean;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Resolves early, by throwing, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** One command, in a file of its own. */
export interface Command {
  readonly name: string;
  /** In a few words, for the list of commands. */
  readonly summary: string;
  /** Usage, options and examples. */
  readonly help: string;
  /** Throws an Exit where it ends otherwise than by coming to its end. */
  run(args: readonly string[], tools: Tools): Promise<ExitCode>;
}

/** The command's arguments, and the registry that they or the environment name. */
export function prepare<const O extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: O,
  tools: Tools,
): ReturnType<typeof parseArguments<O>> & { readonly api: Api } {
  const parsed = parseArguments(args, options);
  const { url } = connectApi(registryOf(parsed.values, tools));
  const api = connectApi(url, credentialsFor(url, tools.env));
  return { ...parsed, api };
}

/** The registry that the options or the environment name. */
export function registryOf(values: object, { env }: Tools): string {
  const { registry } = values as { readonly registry?: string };
  const named = registry ?? env['MERIDIAN_URL'] ?? '';
  return named === '' ? DEFAULT_REGISTRY : named;
}

/** What a program reads. */
export async function printJson({ out }: Tools, value: unknown): Promise<void> {
  await out.print(JSON.stringify(value, undefined, out.isInteractive ? 2 : undefined));
}

/** What people read. */
export async function printTable(
  { out }: Tools,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  for (const line of renderTable(columns, rows, (header) => out.style('bold', header))) await out.print(line);
}
