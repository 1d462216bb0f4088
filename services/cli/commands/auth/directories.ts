import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { pathOf } from '../../api/client.ts';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, printTable, type Tools } from '../../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../../exit.ts';
import { printable } from '../../output/width.ts';

const directory = z.looseObject({
  name: z.string(),
  urls: z.array(z.string()),
  bindDn: z.string().optional(),
  trustSeconds: z.number(),
  users: z.looseObject({ base: z.string(), filter: z.string() }),
});
const list = z.looseObject({ directories: z.array(directory) });

const OPTIONS = { file: { type: 'string' }, 'ca-file': { type: 'string' } } as const;

/** `meridian auth directories …` */
export async function directories(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { values, positionals, api } = prepare(args, OPTIONS, tools);
  const [subcommand = 'list', ...names] = positionals;
  const { signal } = tools;
  requireNoMore(names, subcommand === 'list' ? 0 : 1);
  if (subcommand === 'list')
    return show(await api.request(list, 'GET', '/auth/directories', { signal }), tools);
  const [name] = names;
  if (!['set', 'remove'].includes(subcommand))
    throw wrongUsage(`There is no "meridian auth directories ${subcommand}"; expected list, set or remove.`);
  if (name === undefined)
    throw wrongUsage(`Which one? Expected: meridian auth directories ${subcommand} NAME.`);
  const path = pathOf('auth', 'directories', name);
  if (subcommand === 'remove') {
    await api.request(z.unknown(), 'DELETE', path, { signal });
    await tools.out.print(tools.json ? '{}' : `${printable(name)} is removed.`);
    return EXIT.done;
  }
  const { file, 'ca-file': caFile } = values;
  if (file === undefined)
    throw wrongUsage('Expected: meridian auth directories set NAME --file FILE, a JSON file.');
  const ca = caFile === undefined ? {} : { ca: await readText(caFile) };
  const body = { ...parseSettings(file, await readText(file)), ...ca };
  const told = await api.request(directory, 'PUT', path, { body, signal });
  if (tools.json) await printJson(tools, told);
  else
    await tools.out.print(
      `${printable(name)} is set: whoever it knows can log in, and what it says is relied on for ${told.trustSeconds} s.`,
    );
  return EXIT.done;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw wrongUsage(`The file ${path} can't be read: ${error instanceof Error ? error.message : ''}.`);
  }
}

function parseSettings(path: string, text: string): object {
  try {
    return z.looseObject({}).parse(JSON.parse(text));
  } catch {
    throw wrongUsage(`The file ${path} should hold a JSON object, as deploy/README.md shows it.`);
  }
}

async function show(told: z.infer<typeof list>, tools: Tools): Promise<ExitCode> {
  if (tools.json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  const columns = ['NAME', 'SERVERS', 'BASE', 'FILTER', 'RELIED ON'].map((header) => ({ header }));
  const rows = told.directories.map(({ name, urls, users, trustSeconds }) => [
    ...[name, urls.join(' '), users.base, users.filter, `${trustSeconds} s`],
  ]);
  await printTable(
    tools,
    columns,
    rows.map((row) => row.map(printable)),
  );
  return EXIT.done;
}
