import { z } from 'zod';
import { pathOf } from '../../api/client.ts';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, printTable, type Tools } from '../../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../../exit.ts';
import { didYouMean } from '../../nearest.ts';
import { formatTime } from '../../output/format.ts';
import { printable } from '../../output/width.ts';
import { askNewPassword } from './passwords.ts';
import { expiry } from './expiry.ts';

const secret = z.looseObject({ id: z.string(), expiresAt: z.string().optional() });
const principal = z.looseObject({
  name: z.string(),
  groups: z.array(z.string()).default([]),
  disabled: z.boolean().default(false),
  description: z.string().optional(),
  expiresAt: z.string().optional(),
  secrets: z.array(secret).optional(),
  /** Told once, of what the registry has just made. */
  secret: z.string().optional(),
});

const list = z.looseObject({ users: z.array(principal).optional(), robots: z.array(principal).optional() });

type Principal = z.infer<typeof principal>;
type Kind = 'users' | 'robots';

const OPTIONS = {
  group: { type: 'string', multiple: true },
  'no-groups': { type: 'boolean' },
  description: { type: 'string' },
  disable: { type: 'boolean' },
  enable: { type: 'boolean' },
  expires: { type: 'string' },
  'no-password': { type: 'boolean' },
  secret: { type: 'boolean' },
  'drop-secret': { type: 'string', multiple: true },
} as const;

type Values = ReturnType<typeof prepare<typeof OPTIONS>>['values'];

/** `meridian auth users …` */
export function users(args: readonly string[], tools: Tools): Promise<ExitCode> {
  return principals('users', args, tools);
}

/** `meridian auth robots …` */
export function robots(args: readonly string[], tools: Tools): Promise<ExitCode> {
  return principals('robots', args, tools);
}

async function principals(kind: Kind, args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { values, positionals, api } = prepare(args, OPTIONS, tools);
  const [subcommand = 'list', ...names] = positionals;
  requireSubcommand(kind, subcommand);
  requireNoMore(names, subcommand === 'list' ? 0 : 1);
  const { signal } = tools;
  if (subcommand === 'list') {
    const told = await api.request(list, 'GET', `/auth/${kind}`, { signal });
    return show(told[kind] ?? [], told, tools);
  }
  const [name] = names;
  if (name === undefined) {
    if (subcommand !== 'password')
      throw wrongUsage(`Who? Expected: meridian auth ${kind} ${subcommand} NAME.`);
    const password = await tools.prompt.ask('Present password: ', true, signal);
    const body = { password, newPassword: await askNewPassword(tools) };
    await api.request(z.unknown(), 'PUT', '/auth/self/password', { body, signal });
    return tell('Your password', 'changed', undefined, tools);
  }
  const path = pathOf('auth', kind, name);
  switch (subcommand) {
    case 'add': {
      const asksPassword = kind === 'users' && values['no-password'] !== true;
      const password = asksPassword ? { password: await askNewPassword(tools) } : {};
      const body = { ...changeOf(values), ...password };
      return tell(name, 'added', await api.request(principal, 'PUT', path, { body, signal }), tools);
    }
    case 'password': {
      const body = { password: await askNewPassword(tools) };
      await api.request(principal, 'PATCH', path, { body, signal });
      return tell(`The password of ${name}`, 'changed', undefined, tools);
    }
    case 'remove':
      await api.request(z.unknown(), 'DELETE', path, { signal });
      return tell(name, 'removed', undefined, tools);
    default: {
      const body = changeOf(values);
      if (Object.keys(body).length === 0) throw wrongUsage('What is to be changed? See the options.');
      return tell(name, 'changed', await api.request(principal, 'PATCH', path, { body, signal }), tools);
    }
  }
}

function requireSubcommand(kind: Kind, subcommand: string): void {
  const known = ['list', 'add', 'change', 'remove', ...(kind === 'users' ? ['password'] : [])];
  if (known.includes(subcommand)) return;
  const meant = didYouMean(subcommand, known);
  throw wrongUsage(`There is no "meridian auth ${kind} ${subcommand}"${meant === '' ? '.' : meant}`);
}

function changeOf(values: Values): object {
  const { group, description, disable, enable, expires } = values;
  if (disable === true && enable === true) throw wrongUsage('Expected --disable or --enable, not both.');
  return {
    ...(group !== undefined && { groups: group }),
    ...(values['no-groups'] === true && { groups: [] }),
    ...(description !== undefined && { description: description === '' ? null : description }),
    ...((disable === true || enable === true) && { disabled: disable === true }),
    ...(expires !== undefined && { expiresAt: expires === 'never' ? null : expiry(expires) }),
    ...(values.secret === true && { secretExpiresAt: null }),
    ...(values['drop-secret'] !== undefined && { removeSecrets: values['drop-secret'] }),
  };
}

async function tell(who: string, what: string, told: Principal | undefined, tools: Tools): Promise<ExitCode> {
  if (tools.json) {
    await printJson(tools, told ?? {});
    return EXIT.done;
  }
  await tools.out.print(`${printable(who)} is ${what}.`);
  if (told?.secret !== undefined)
    await tools.out.print(`The secret, which is not shown again: ${printable(told.secret)}`);
  return EXIT.done;
}

async function show(all: readonly Principal[], told: object, tools: Tools): Promise<ExitCode> {
  if (tools.json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  const columns = ['NAME', 'GROUPS', 'STATE', 'EXPIRES', 'SECRETS', 'DESCRIPTION'].map((header) => ({
    header,
  }));
  const rows = all.map(({ name, groups, disabled, expiresAt, secrets = [], description = '' }) => [
    name,
    groups.join(','),
    disabled ? 'disabled' : 'active',
    expiresAt === undefined ? 'never' : formatTime(expiresAt),
    secrets.map(({ id }) => id).join(','),
    description,
  ]);
  await printTable(
    tools,
    columns,
    rows.map((row) => row.map((cell) => printable(cell === '' ? '–' : cell))),
  );
  return EXIT.done;
}
