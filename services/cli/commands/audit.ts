import { z } from 'zod';
import { requireNoMore } from '../arguments.ts';
import { prepare, printTable, type Command, type Tools } from '../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../exit.ts';
import { printable } from '../output/width.ts';

const help = `Usage: meridian audit [--who NAME] [--repository NAME] [--action ACTION] [--refused] [--since TIME] [--until TIME] [--limit N]

Says who changed what, and who was refused what, through the front ends of the region that is asked: the newest first, 20 of them
without --limit. With --json, each is a line of JSON, and without --limit all there are.

  meridian audit --repository team/app
  meridian audit --who alice --refused
  meridian audit --since 2027-01-31T12:00:00Z --json > audit.jsonl`;

const OPTIONS = {
  who: { type: 'string' },
  repository: { type: 'string' },
  action: { type: 'string' },
  refused: { type: 'boolean' },
  since: { type: 'string' },
  until: { type: 'string' },
  limit: { type: 'string' },
} as const;

const DEFAULT_LIMIT = 20;
/** Of one request. */
const PAGE = 1_000;

const entry = z.looseObject({
  at: z.string(),
  who: z.string(),
  action: z.string(),
  allowed: z.boolean(),
  method: z.string(),
  path: z.string(),
  status: z.int(),
  from: z.string(),
});
const page = z.looseObject({ entries: z.array(entry), next: z.string().optional() });
type Entry = z.infer<typeof entry>;

export const audit: Command = {
  name: 'audit',
  summary: 'who did what, and who was refused',
  help,
  run: async (args, tools) => {
    const { values, positionals, api } = prepare(args, OPTIONS, tools);
    requireNoMore(positionals, 0);
    const { refused = false, limit, ...texts } = values;
    const query = Object.entries(texts).filter(([name]) => FILTERS.includes(name)) as [string, string][];
    if (refused) query.push(['allowed', 'false']);
    const wanted = parseLimit(limit, tools);
    const read = (last: string | undefined, n: number): Promise<z.infer<typeof page>> =>
      api.request(page, 'GET', '/audit', {
        query: [...query, ['n', String(n)], ...(last === undefined ? [] : [['last', last] as const])],
        signal: tools.signal,
      });
    return print(tools, read, wanted);
  },
};

const FILTERS = ['who', 'repository', 'action', 'since', 'until'];

async function print(
  tools: Tools,
  read: (last: string | undefined, n: number) => Promise<z.infer<typeof page>>,
  wanted: number,
): Promise<ExitCode> {
  const rows: string[][] = [];
  let last: string | undefined;
  let left = wanted;
  do {
    const { entries, next } = await read(last, Math.min(left, PAGE));
    for (const one of entries) {
      if (tools.json) await tools.out.print(JSON.stringify(one));
      else rows.push(rowOf(one));
    }
    left -= entries.length;
    last = next;
  } while (last !== undefined && left > 0);
  const columns = ['WHEN', 'WHO', 'ACTION', 'ALLOWED', 'FROM', 'WHAT'].map((header) => ({ header }));
  if (!tools.json) await printTable(tools, columns, rows);
  return EXIT.done;
}

function rowOf({ at, who, action, allowed, from, method, path, status }: Entry): string[] {
  const what = `${method} ${path} (${status})`;
  return [at, who === '' ? '–' : who, action, allowed ? 'yes' : 'no', from, what].map(printable);
}

function parseLimit(text: string | undefined, { json }: Tools): number {
  if (text === undefined) return json ? Infinity : DEFAULT_LIMIT;
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw wrongUsage(`--limit is ${text}; expected a number of entries, such as 100.`);
}
