import { z } from 'zod';
import { pathOf, type Api } from '../api/client.ts';
import { requireNoMore } from '../arguments.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { EXIT, wrongUsage, type ExitCode } from '../exit.ts';
import { didYouMean } from '../nearest.ts';
import { printable } from '../output/width.ts';

const help = `Usage: meridian settings [show] [REPOSITORY]
       meridian settings set KEY=VALUE… [REPOSITORY]
       meridian settings unset KEY [REPOSITORY]

Shows or changes the settings of a repository or, without one, the defaults of all repositories: the value in force,
and whether it comes from the repository, the defaults, or is built in. A change holds in every region at once.

Values are JSON or words; where a key ends in Ms, a duration such as 30s will do. What is unset comes from the defaults.

  meridian settings set durability=all team/app
  meridian settings set reads=strong maxStalenessMs=30s
  meridian settings unset durability team/app`;

const answer = z.looseObject({
  repository: z.string().optional(),
  effective: z.record(z.string(), z.object({ value: z.unknown(), source: z.string() })),
});

export const settings: Command = {
  name: 'settings',
  summary: 'show and change the settings of repositories, and their defaults',
  help,
  run: async (args, tools) => {
    const { positionals, api } = prepare(args, {}, tools);
    const [first = 'show', ...rest] = positionals;
    if (first === 'set') return change(api, setting(rest), tools);
    if (first === 'unset') return change(api, unsetting(rest), tools);
    const [repository] = first === 'show' ? rest : positionals;
    requireSubcommand(first, repository);
    requireNoMore(first === 'show' ? rest : positionals, 1);
    return show(await api.request(answer, 'GET', pathOfSettings(repository), tools), tools);
  },
};

interface Change {
  readonly repository: string | undefined;
  readonly patch: Readonly<Record<string, unknown>>;
}

async function change(api: Api, { repository, patch }: Change, tools: Tools): Promise<ExitCode> {
  const request = { body: patch, signal: tools.signal };
  return show(await api.request(answer, 'PATCH', pathOfSettings(repository), request), tools);
}

function setting(words: readonly string[]): Change {
  const assignments = words.filter((word) => word.includes('='));
  const others = words.filter((word) => !word.includes('='));
  requireNoMore(others, 1);
  if (assignments.length === 0)
    throw wrongUsage('What is to be set? Expected KEY=VALUE, such as durability=2.');
  const patch = assignments.map((word) => {
    const [key = ''] = word.split('=', 1);
    return [key, parseValue(key, word.slice(key.length + 1))] as const;
  });
  return { repository: others[0], patch: Object.fromEntries(patch) };
}

function unsetting(words: readonly string[]): Change {
  const [key, repository] = words;
  requireNoMore(words, 2);
  if (key === undefined) throw wrongUsage('What is to be unset? Expected KEY, such as durability.');
  return { repository, patch: { [key]: null } };
}

function parseValue(key: string, text: string): unknown {
  const ms = key.endsWith('Ms') ? parseDuration(text) : undefined;
  if (ms !== undefined) return ms;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A word alone is a repository's name, unless it looks like a subcommand gone wrong. */
function requireSubcommand(word: string, repository: string | undefined): void {
  const meant = word === repository ? didYouMean(word, ['show', 'set', 'unset']) : '';
  if (meant !== '') {
    throw wrongUsage(
      `There is no "meridian settings ${word}"${meant} For a repository: meridian settings show ${word}.`,
    );
  }
}

function pathOfSettings(repository: string | undefined): string {
  return repository === undefined ? '/settings' : pathOf('repositories', repository, 'settings');
}

async function show(told: z.infer<typeof answer>, tools: Tools): Promise<ExitCode> {
  const { out } = tools;
  if (tools.json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  await out.print(
    told.repository === undefined
      ? 'Defaults of all repositories'
      : `Repository ${printable(told.repository)}`,
  );
  const rows = Object.entries(told.effective).map(([name, { value, source }]) => [
    printable(name),
    value === null ? '–' : printable(typeof value === 'string' ? value : JSON.stringify(value)),
    printable(source),
  ]);
  const columns = [{ header: 'SETTING' }, { header: 'VALUE' }, { header: 'FROM' }];
  await printTable(tools, columns, rows);
  return EXIT.done;
}
