import { z } from 'zod';
import { pathOf } from '../../api/client.ts';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, printTable, type Tools } from '../../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../../exit.ts';
import { formatTime } from '../../output/format.ts';
import { printable } from '../../output/width.ts';
import { expiry } from './expiry.ts';
import { parseGrant } from './grant.ts';

const grant = z.object({ actions: z.array(z.string()), repositories: z.string() });
const token = z.looseObject({
  id: z.string(),
  owner: z.string(),
  description: z.string().optional(),
  grants: z.array(grant).optional(),
  expiresAt: z.string().optional(),
});
const list = z.looseObject({ tokens: z.array(token) });
const made = z.looseObject({ id: z.string(), owner: z.string(), secret: z.string() });

const OPTIONS = {
  description: { type: 'string' },
  allow: { type: 'string', multiple: true },
  expires: { type: 'string' },
  owner: { type: 'string' },
} as const;

/** `meridian auth tokens …` */
export async function tokens(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { values, positionals, api } = prepare(args, OPTIONS, tools);
  const [subcommand = 'list', ...names] = positionals;
  const { signal } = tools;
  requireNoMore(names, subcommand === 'remove' ? 1 : 0);
  switch (subcommand) {
    case 'list':
      return show(await api.request(list, 'GET', '/auth/tokens', { signal }), tools);
    case 'add': {
      const { description, allow, expires, owner } = values;
      const body = {
        ...(owner !== undefined && { owner }),
        ...(description !== undefined && { description }),
        ...(allow !== undefined && { grants: allow.map(parseGrant) }),
        ...(expires !== undefined && { expiresAt: expiry(expires) }),
      };
      const told = await api.request(made, 'POST', '/auth/tokens', { body, signal });
      if (tools.json) await printJson(tools, told);
      else
        await tools.out.print(
          `The token of ${printable(told.owner)}, which is not shown again: ${printable(told.secret)}`,
        );
      return EXIT.done;
    }
    case 'remove': {
      const [id] = names;
      if (id === undefined) throw wrongUsage('Which one? Expected: meridian auth tokens remove ID.');
      await api.request(z.unknown(), 'DELETE', pathOf('auth', 'tokens', id), { signal });
      await tools.out.print(tools.json ? '{}' : `${printable(id)} is removed.`);
      return EXIT.done;
    }
    default:
      throw wrongUsage(`There is no "meridian auth tokens ${subcommand}"; expected list, add or remove.`);
  }
}

async function show(told: z.infer<typeof list>, tools: Tools): Promise<ExitCode> {
  if (tools.json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  const columns = ['ID', 'OWNER', 'ALLOWS', 'EXPIRES', 'DESCRIPTION'].map((header) => ({ header }));
  const rows = told.tokens.map(({ id, owner, grants, expiresAt, description = '–' }) => [
    id,
    owner,
    grants?.map(({ actions, repositories }) => `${actions.join(',')}:${repositories}`).join(' ') ??
      'all of its owner',
    expiresAt === undefined ? 'never' : formatTime(expiresAt),
    description,
  ]);
  await printTable(
    tools,
    columns,
    rows.map((row) => row.map(printable)),
  );
  return EXIT.done;
}
