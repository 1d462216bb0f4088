import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { EXIT, Exit } from '../exit.ts';
import { pathOf, type Api } from './client.ts';

/** Who came of a login through an issuer, with the token that was made for it. */
export type OidcLogin = z.infer<typeof answer>;

export interface OidcLoginOptions {
  readonly issuer: string;
  /** Where the browser finds this program at the end; 0: any free port. */
  readonly port: number;
  /** Has the person open the page. */
  readonly show: (url: string) => Promise<void>;
  readonly signal: AbortSignal;
}

const answer = z.looseObject({
  name: z.string(),
  groups: z.array(z.string()),
  secret: z.string(),
  expiresAt: z.string(),
});

/** As long as the registry waits. */
const TIMEOUT_MS = 10 * 60_000;

/** Logs in by a browser. Throws an Exit that says what went wrong. */
export async function logInByBrowser(
  api: Api,
  { issuer, port, show, signal }: OidcLoginOptions,
): Promise<OidcLogin> {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const server = await listen(port);
  const late = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const arrived = arrival(server, challenge, AbortSignal.any([signal, late]));
    const query = new URLSearchParams({ challenge, port: String((server.address() as AddressInfo).port) });
    await show(`${api.url}/meridian/v1${pathOf('auth', 'oidc', issuer)}/start?${query.toString()}`);
    const code = await arrived.catch((error: unknown) => {
      throw late.aborted
        ? new Exit(EXIT.notSo, 'Nobody logged in within ten minutes.', { cause: error })
        : error;
    });
    return await api.request(answer, 'POST', `${pathOf('auth', 'oidc', issuer)}/session`, {
      body: { code, verifier },
      signal,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen({ host: '127.0.0.1', port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Exit(
      EXIT.usage,
      `The port ${port}, where the browser is to come back, can't be had; choose another with --port.`,
      { cause },
    );
  }
  return server;
}

/** What the browser brings. Whoever does not know the challenge is nobody that was waited for. */
function arrival(server: Server, challenge: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    server.on('request', (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
      const [code, error] = [searchParams.get('code'), searchParams.get('error')];
      if (
        pathname !== '/' ||
        searchParams.get('challenge') !== challenge ||
        (code === null && error === null)
      ) {
        response.writeHead(404).end();
        return;
      }
      const said = error === null ? 'You are logged in.' : 'The login failed; the terminal says why.';
      const header = {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'close',
      };
      response
        .writeHead(200, header)
        .end(`<!doctype html><title>Meridian</title><p>${said} You can close this page.</p>`, () => {
          if (code === null) reject(new Exit(EXIT.notSo, error ?? ''));
          else resolve(code);
        });
    });
  });
}
