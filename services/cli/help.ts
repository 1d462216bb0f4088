import type { Command } from './command.ts';

const COMMON = `Options of every command:
  --registry URL  the registry to ask, through any of its regions (default: MERIDIAN_URL, or http://localhost:5001)
  --json          answers for programs
  --help          what a command does and takes

Exit codes: 0 done, 1 refused or not so, 2 wrong usage, 3 registry unreachable, 130 Ctrl-C (what was begun goes on).`;

/** `meridian help`. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Usage: meridian COMMAND [options]',
    '',
    'Looks after a Meridian registry and its regions.',
    '',
    ...list,
    `  ${'help'.padEnd(width)}  what a command does and takes: meridian help COMMAND`,
    '',
    COMMON,
  ].join('\n');
}

/** `meridian help COMMAND`. */
export function helpOf({ help }: Command): string {
  return `${help}\n\n${COMMON}`;
}
