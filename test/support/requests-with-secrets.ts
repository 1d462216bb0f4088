import { basic, type Headers } from './guarded-cluster.ts';
import type { TlsSent } from './tls-client.ts';

/** Requests with a secret where it belongs, or where someone may put it by mistake; each is refused. */
export function requestsToRefuse(
  wrong: string,
  { admin, alice }: Readonly<Record<'admin' | 'alice', Headers>>,
): [method: string, path: string, TlsSent][] {
  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
  return [
    ['GET', '/v2/', { headers: basic('alice', wrong) }],
    ['GET', '/v2/', { headers: basic(wrong, wrong) }],
    ['GET', '/v2/', { headers: { authorization: `Bearer ${wrong}` } }],
    ['GET', '/v2/', { headers: { authorization: `Basic ${wrong}` } }],
    ['GET', '/v2/', { headers: { authorization: wrong } }],
    ['GET', '/v2/team/app/tags/list', { headers: { cookie: wrong, 'proxy-authorization': wrong } }],
    [
      'POST',
      '/meridian/v1/token',
      { headers: urlencoded, body: `grant_type=refresh_token&refresh_token=${wrong}` },
    ],
    ['POST', '/meridian/v1/token', { headers: urlencoded, body: `grant_type=${wrong}&password=${wrong}` }],
    ['POST', '/meridian/v1/token', { headers: urlencoded, body: `password=${wrong}%ZZ` }],
    ['PUT', '/meridian/v1/auth/users/bob', { headers: admin, body: `{"password": "${wrong}` }],
    ['PUT', '/meridian/v1/auth/users/bob', { headers: admin, body: JSON.stringify({ password: [wrong] }) }],
    ['PUT', '/meridian/v1/auth/users/bob', { headers: alice, body: JSON.stringify({ password: wrong }) }],
  ];
}
