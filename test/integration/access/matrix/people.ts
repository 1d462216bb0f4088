import { randomBytes } from 'node:crypto';
import { basic, type Headers } from '#test/support/guarded-cluster.ts';
import { send, type Answer, type Sent } from '#test/support/registry-client.ts';

/** Where all of them want something; the pattern that their roles are given on covers it. */
export const REPOSITORY = 'team/app';
/** Covered by the same pattern, and nothing was ever pushed there. */
export const NOWHERE = 'team/abc';
/** The administrator's alone. */
export const SECRET = 'secret/app';

/** Everyone who asks in the matrix. Their rights are told by `rows.ts`, by name. */
export const PEOPLE = [
  'anonymous',
  'stranger',
  'guest',
  'puller',
  'narrowed',
  'developer',
  'robot',
  'maintainer',
  'administrator',
  'expired',
  'revoked',
  'recreated',
] as const;
export type Person = (typeof PEOPLE)[number];

/** Whose credentials were good once. */
export const DEAD: readonly Person[] = ['expired', 'revoked', 'recreated'];

/** How one says who one is: by name and secret, or by a token of the registry. */
export type By = 'basic' | 'bearer';

const SCOPES = [
  ...[REPOSITORY, NOWHERE, SECRET].map((name) => `repository:${name}:pull,push,delete,*`),
  'registry:catalog:*',
  'registry:meridian:*',
];

/** Calls of the administrator. */
export interface Admin {
  readonly headers: Headers;
  ask(method: string, path: string, body?: object): Promise<Answer>;
}

export function administrator(registry: string, password: string): Admin {
  const headers = basic('admin', password);
  return {
    headers,
    ask: async (method, path, body) => {
      const sent: Sent = { headers: { ...headers }, ...(body && { body: JSON.stringify(body) }) };
      const answer = await send(registry, method, `/meridian/v1/auth${path}`, sent);
      if (answer.status >= 300)
        throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString()}`);
      return answer;
    },
  };
}

/** Makes all of them, and takes away again what the last ones had. Gives what each sends along. */
export async function makePeople(
  registry: string,
  admin: Admin,
): Promise<Record<Person, Record<By, Headers>>> {
  const roles: readonly (readonly [Person, string, string])[] = [
    ['stranger', 'maintainer', 'other/**'],
    ['guest', 'guest', 'team/**'],
    ['puller', 'puller', 'team/**'],
    ['narrowed', 'maintainer', 'team/**'],
    ['developer', 'developer', 'team/**'],
    ['maintainer', 'maintainer', 'team/**'],
    ...DEAD.map((name) => [name, 'maintainer', 'team/**'] as const),
  ];
  const made: Partial<Record<Person, Record<By, Headers>>> = {};
  for (const [name, role, repositories] of roles) {
    await admin.ask('PUT', `/users/${name}`, {});
    await admin.ask('POST', '/bindings', { role, subject: `user:${name}`, repositories });
    const grants = name === 'narrowed' ? { grants: [pulling(REPOSITORY), pulling(NOWHERE)] } : {};
    const token = json(await admin.ask('POST', '/tokens', { owner: name, ...grants }));
    made[name] = await both(registry, basic(name, token.secret));
    if (name === 'revoked') await admin.ask('DELETE', `/tokens/${token.id}`);
  }
  await admin.ask('PATCH', '/users/expired', { expiresAt: '2020-01-01T00:00:00Z' });
  await admin.ask('DELETE', '/users/recreated');
  await admin.ask('PUT', '/users/recreated', { password: randomBytes(12).toString('hex') });
  await admin.ask('POST', '/bindings', {
    role: 'maintainer',
    subject: 'user:recreated',
    repositories: 'team/**',
  });
  const { secret } = json(await admin.ask('PUT', '/robots/robot', {}));
  await admin.ask('POST', '/bindings', {
    role: 'developer',
    subject: 'robot:robot',
    repositories: 'team/**',
  });
  return {
    ...made,
    anonymous: { basic: {}, bearer: bearer(await tokenFor(registry, {})) },
    robot: await both(registry, basic('robot', secret)),
    administrator: await both(registry, admin.headers),
  } as Record<Person, Record<By, Headers>>;
}

async function tokenFor(
  registry: string,
  headers: Headers,
  scopes: readonly string[] = SCOPES,
): Promise<string> {
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
  const answer = await send(registry, 'GET', `/meridian/v1/token?service=meridian&${query}`, { headers });
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.body.toString()}`);
  return (JSON.parse(answer.body.toString()) as { token: string }).token;
}

function bearer(token: string): Headers {
  return { authorization: `Bearer ${token}` };
}

async function both(registry: string, headers: Headers): Promise<Record<By, Headers>> {
  return { basic: headers, bearer: bearer(await tokenFor(registry, headers)) };
}

function pulling(repositories: string): object {
  return { actions: ['see', 'pull'], repositories };
}

function json(answer: Answer): { id: string; secret: string } {
  return JSON.parse(answer.body.toString()) as { id: string; secret: string };
}
