import { readFileSync } from 'node:fs';
import { asksForHelp, splitCommand } from './arguments.ts';
import { COMMANDS } from './commands.ts';
import { printJson, type Command, type Tools } from './command.ts';
import { EXIT, Exit, wrongUsage, type ExitCode } from './exit.ts';
import { helpOf, overview } from './help.ts';
import { didYouMean } from './nearest.ts';
import { printable } from './output/width.ts';

/** Does what the arguments ask; gives the exit code. */
export async function run(argv: readonly string[], surroundings: Omit<Tools, 'json'>): Promise<ExitCode> {
  const { name, args } = splitCommand(argv);
  const tools = { ...surroundings, json: args.includes('--json') };
  try {
    if (name === undefined) return await runWithout(argv, tools);
    if (name === 'help') return await help(args, tools);
    const command = find(name);
    if (asksForHelp(args)) return await help([name], tools);
    return await command.run(args, tools);
  } catch (error) {
    return complain(error, name, tools);
  }
}

async function runWithout(argv: readonly string[], { out }: Tools): Promise<ExitCode> {
  if (argv.includes('--version')) {
    await out.print(version());
    return EXIT.done;
  }
  const [unknown] = argv.filter((arg) => !['--help', '-h', '--json'].includes(arg));
  if (argv.length === 0 || unknown !== undefined) {
    throw wrongUsage(unknown === undefined ? 'What is to be done?' : `Nothing was expected at "${unknown}".`);
  }
  await out.print(overview(COMMANDS));
  return EXIT.done;
}

async function help([name]: readonly string[], { out }: Tools): Promise<ExitCode> {
  await out.print(name === undefined ? overview(COMMANDS) : helpOf(find(name)));
  return EXIT.done;
}

function find(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = [...COMMANDS.map((candidate) => candidate.name), 'help'];
  const meant = didYouMean(name, names);
  throw wrongUsage(`There is no command "${name}"${meant === '' ? '.' : meant}`);
}

/** Says on stderr what went wrong and, to programs, on stdout as well. */
async function complain(error: unknown, name: string | undefined, tools: Tools): Promise<ExitCode> {
  const { err, signal, json } = tools;
  if (signal.aborted && !(error instanceof Exit)) return EXIT.interrupted;
  if (!(error instanceof Exit)) throw error;
  const known = COMMANDS.some((command) => command.name === name);
  const hint = error.code === EXIT.usage ? ` See: meridian help${known ? ` ${name ?? ''}` : ''}` : '';
  await err.print(`${err.style('red', 'meridian:')} ${printable(error.message)}${hint}`);
  if (json && error.detail !== undefined) await printJson(tools, { error: error.detail });
  return error.code;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
