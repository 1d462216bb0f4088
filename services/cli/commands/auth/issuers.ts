import { z } from 'zod';
import { readSecretFile } from '#libs/config/secret-file.ts';
import { pathOf, type Api } from '../../api/client.ts';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, printTable, type Tools } from '../../command.ts';
import { durationOption } from '../../duration.ts';
import { EXIT, Exit, wrongUsage, type ExitCode } from '../../exit.ts';
import { formatDuration } from '../../output/format.ts';
import { printable } from '../../output/width.ts';
import { addRule, removeRule } from './issuer-rules.ts';

const issuer = z.looseObject({
  name: z.string(),
  url: z.string(),
  allowPrivate: z.boolean(),
  people: z.looseObject({ clientId: z.string(), sessionMs: z.number() }).optional(),
  rules: z.array(
    z.looseObject({
      id: z.string(),
      audience: z.string(),
      claims: z.array(z.object({ claim: z.string(), pattern: z.string() })),
      robot: z.string(),
      sessionMs: z.number(),
    }),
  ),
});
const list = z.looseObject({ issuers: z.array(issuer) });

type Issuer = z.infer<typeof issuer>;

const OPTIONS = {
  url: { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret-file': { type: 'string' },
  scope: { type: 'string', multiple: true },
  'name-claim': { type: 'string' },
  'groups-claim': { type: 'string' },
  session: { type: 'string' },
  'allow-private': { type: 'boolean' },
  'no-people': { type: 'boolean' },
  audience: { type: 'string' },
  claim: { type: 'string', multiple: true },
  robot: { type: 'string' },
  allow: { type: 'string', multiple: true },
} as const;

export type IssuerValues = ReturnType<typeof prepare<typeof OPTIONS>>['values'];

/** `meridian auth issuers …` */
export async function issuers(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { values, positionals, api } = prepare(args, OPTIONS, tools);
  const [subcommand = 'list', name, ...more] = positionals;
  const { signal } = tools;
  if (subcommand === 'list') {
    requireNoMore(positionals, 1);
    return show(await api.request(list, 'GET', '/auth/issuers', { signal }), tools);
  }
  if (!SUBCOMMANDS.includes(subcommand)) {
    throw wrongUsage(
      `There is no "meridian auth issuers ${subcommand}"; expected ${['list', ...SUBCOMMANDS].join(', ')}.`,
    );
  }
  if (name === undefined) throw wrongUsage(`Which one? Expected: meridian auth issuers ${subcommand} NAME.`);
  requireNoMore(more, subcommand === 'disallow' ? 1 : 0);
  const path = pathOf('auth', 'issuers', name);
  switch (subcommand) {
    case 'allow':
      return tell(`A rule of ${name}`, 'added', await addRule(api, path, values, issuer, signal), tools);
    case 'disallow':
      await removeRule(api, path, more[0], signal);
      return tell(`The rule ${more[0] ?? ''}`, 'removed', undefined, tools);
    case 'remove':
      await api.request(z.unknown(), 'DELETE', path, { signal });
      return tell(name, 'removed: whoever came by it is nobody now', undefined, tools);
    default:
      return tell(
        name,
        subcommand === 'add' ? 'added' : 'changed',
        await put(api, path, subcommand, values, tools),
        tools,
      );
  }
}

const SUBCOMMANDS = ['add', 'change', 'remove', 'allow', 'disallow'];

function put(
  api: Api,
  path: string,
  subcommand: string,
  values: IssuerValues,
  tools: Tools,
): Promise<Issuer> {
  const { url } = values;
  const people = peopleOf(values, tools);
  const body = {
    ...(url !== undefined && { url }),
    ...(values['allow-private'] === true && { allowPrivate: true }),
    ...(people !== undefined && { people }),
  };
  if (subcommand === 'add' && url === undefined) {
    throw wrongUsage(
      'Where is it? Expected --url URL, as the issuer calls itself, such as https://login.example.net.',
    );
  }
  if (Object.keys(body).length === 0) throw wrongUsage('What is to be changed? See the options.');
  return api.request(issuer, subcommand === 'add' ? 'PUT' : 'PATCH', path, { body, signal: tools.signal });
}

function peopleOf(values: IssuerValues, { env }: Tools): object | null | undefined {
  if (values['no-people'] === true) return null;
  const file = values['client-secret-file'] ?? env['MERIDIAN_CLIENT_SECRET_FILE'];
  const { scope, session } = values;
  const isAbout = [
    values['client-id'],
    values['client-secret-file'],
    scope,
    session,
    values['name-claim'],
    values['groups-claim'],
  ];
  if (isAbout.every((value) => value === undefined)) return undefined;
  return {
    ...(values['client-id'] !== undefined && { clientId: values['client-id'] }),
    ...(file !== undefined && file !== '' && { clientSecret: readSecret(file) }),
    ...(scope !== undefined && { scopes: scope }),
    ...(values['name-claim'] !== undefined && { nameClaim: values['name-claim'] }),
    ...(values['groups-claim'] !== undefined && {
      groupsClaim: values['groups-claim'] === '' ? null : values['groups-claim'],
    }),
    ...(session !== undefined && { sessionMs: durationOption('--session', session) }),
  };
}

function readSecret(file: string): string {
  try {
    return readSecretFile(file);
  } catch (cause) {
    throw new Exit(EXIT.usage, `The file ${file} with the client's secret can't be read.`, { cause });
  }
}

async function tell(what: string, done: string, told: Issuer | undefined, tools: Tools): Promise<ExitCode> {
  if (tools.json) await printJson(tools, told ?? {});
  else await tools.out.print(`${printable(what)} is ${done}.`);
  return EXIT.done;
}

async function show(told: z.infer<typeof list>, tools: Tools): Promise<ExitCode> {
  if (tools.json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  const columns = ['NAME', 'URL', 'PEOPLE', 'RULE', 'MACHINES', 'ROBOT'].map((header) => ({ header }));
  await printTable(
    tools,
    columns,
    told.issuers.flatMap(rowsOf).map((row) => row.map(printable)),
  );
  return EXIT.done;
}

/** A row for each rule, and one for an issuer without. */
function rowsOf({ name, url, people, rules }: Issuer): string[][] {
  const own = [
    name,
    url,
    people === undefined ? '–' : `as ${people.clientId}, for ${formatDuration(people.sessionMs)}`,
  ];
  if (rules.length === 0) return [[...own, '–', '–', '–']];
  return rules.map(({ id, audience, claims, robot }) => {
    const conditions = claims.map(({ claim, pattern }) => `${claim}=${pattern}`);
    return [...own, id, [`for ${audience}`, ...conditions].join(' '), robot];
  });
}
