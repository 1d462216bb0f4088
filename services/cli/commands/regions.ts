import { z } from 'zod';
import { pathOf, type Api } from '../api/client.ts';
import { Refusal } from '../api/refusal.ts';
import { requireNoMore } from '../arguments.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { EXIT, Exit, wrongUsage, type ExitCode } from '../exit.ts';
import { didYouMean } from '../nearest.ts';
import { formatCount } from '../output/format.ts';
import { printable } from '../output/width.ts';
import { drainRegion } from './regions-drain.ts';

const help = `Usage: meridian regions [list]
       meridian regions add REGION --endpoint HOST:PORT [--label KEY=VALUE]…
       meridian regions drain REGION [--no-wait]
       meridian regions activate REGION
       meridian regions remove REGION [--force]

Adds a region, which can then be started and fills up; has one leave: it takes no more writes, what only it has is
copied elsewhere, then it can be removed. "activate" has a draining region stay.

  --endpoint HOST:PORT  where the region's replication service answers the other regions
  --label KEY=VALUE     of the added region, for placement; may be given several times
  --no-wait             begins to drain, and does not wait until nothing is left that only the region has
  --force               removes a region that is not drained or gone for good; what only it has is lost`;

const region = z.looseObject({
  region: z.string(),
  state: z.string(),
  endpoint: z.string(),
  labels: z.record(z.string(), z.string()),
});
const list = z.looseObject({ regions: z.array(region) });
const changed = region.extend({
  mayBeLost: z.looseObject({ message: z.string() }).optional(),
  shortfalls: z
    .array(z.looseObject({ repository: z.string().optional(), durability: z.number() }))
    .optional(),
});

type Region = z.infer<typeof region>;
type Changed = z.infer<typeof changed>;

const SUBCOMMANDS = ['list', 'add', 'drain', 'activate', 'remove'];
const OPTIONS = {
  endpoint: { type: 'string' },
  label: { type: 'string', multiple: true },
  'no-wait': { type: 'boolean' },
  force: { type: 'boolean' },
} as const;

export const regions: Command = {
  name: 'regions',
  summary: 'list the regions, add one, drain one, remove one',
  help,
  run: async (args, tools) => {
    const { values, positionals, api } = prepare(args, OPTIONS, tools);
    const [subcommand = 'list', ...names] = positionals;
    if (!SUBCOMMANDS.includes(subcommand)) {
      const meant = didYouMean(subcommand, SUBCOMMANDS);
      throw wrongUsage(`There is no "meridian regions ${subcommand}"${meant === '' ? '.' : meant}`);
    }
    requireNoMore(names, subcommand === 'list' ? 0 : 1);
    const { signal } = tools;
    if (subcommand === 'list') return show(await api.request(list, 'GET', '/regions', { signal }), tools);
    const [name] = names;
    if (name === undefined)
      throw wrongUsage(`Which region? Expected: meridian regions ${subcommand} REGION.`);
    const change = async (method: 'PUT' | 'PATCH' | 'DELETE', body?: object): Promise<Changed> => {
      const query = values.force === true && method === 'DELETE' ? [['force', 'true'] as const] : [];
      return api.request(changed, method, pathOf('regions', name), { body, query, signal });
    };
    switch (subcommand) {
      case 'add':
        return tell(await change('PUT', addition(values.endpoint, values.label ?? [])), 'added', tools);
      case 'activate':
        return tell(await change('PATCH', { state: 'active' }), 'active', tools);
      case 'remove':
        return tell(await change('DELETE').catch(explain(name)), 'removed', tools);
      default:
        return drain(
          api,
          name,
          await change('PATCH', { state: 'draining' }),
          values['no-wait'] === true,
          tools,
        );
    }
  },
};

/** The registry speaks of requests; here are commands for them. */
function explain(name: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Refusal) || error.errorCode !== 'CONFLICT') throw error;
    const message = `${error.message} Here that is "meridian regions drain ${name}", or --force.`;
    throw new Exit(EXIT.notSo, message, { cause: error, detail: error.detail });
  };
}

async function drain(
  api: Api,
  name: string,
  begun: Changed,
  isNotAwaited: boolean,
  tools: Tools,
): Promise<ExitCode> {
  if (isNotAwaited) return tell(begun, 'draining', tools);
  await warn(begun, tools);
  const drained = await drainRegion(api, name, tools);
  if (tools.json) await printJson(tools, drained);
  else
    await tools.out.print(
      `${printable(name)} is drained: nothing is lost by "meridian regions remove ${printable(name)}".`,
    );
  return EXIT.done;
}

function addition(endpoint: string | undefined, labels: readonly string[]): object {
  if (endpoint === undefined) throw wrongUsage('Where is the region? Expected --endpoint HOST:PORT.');
  const pairs = labels.map((label) => {
    const [key = '', ...value] = label.split('=');
    if (key === '' || value.length === 0) throw wrongUsage(`--label ${label}: expected KEY=VALUE.`);
    return [key, value.join('=')] as const;
  });
  return { endpoint, labels: Object.fromEntries(pairs) };
}

async function tell(told: Changed, what: string, tools: Tools): Promise<ExitCode> {
  if (tools.json) await printJson(tools, told);
  else await tools.out.print(`${printable(told.region)} is ${what}.`);
  await warn(told, tools);
  return EXIT.done;
}

/** What else comes of it. */
async function warn({ mayBeLost, shortfalls = [] }: Changed, { err }: Tools): Promise<void> {
  if (mayBeLost !== undefined) await err.print(err.style('yellow', printable(mayBeLost.message)));
  for (const { repository, durability } of shortfalls) {
    const whose =
      repository === undefined ? 'The defaults ask' : `The repository ${printable(repository)} asks`;
    await err.print(
      err.style(
        'yellow',
        `${whose} for ${formatCount(durability)} regions, more than are active: pushes there are refused.`,
      ),
    );
  }
}

async function show(told: { readonly regions: readonly Region[] }, tools: Tools): Promise<ExitCode> {
  if (tools.json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  const columns = ['REGION', 'STATE', 'ENDPOINT', 'LABELS'].map((header) => ({ header }));
  const rows = told.regions.map(({ region: name, state, endpoint, labels }) => [
    name,
    state,
    endpoint,
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
  ]);
  await printTable(
    tools,
    columns,
    rows.map((row) => row.map(printable)),
  );
  return EXIT.done;
}
