import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostPort } from '#libs/config/values.ts';

/** What a service depends on, by name: whether it can be used now and, if not, why. */
export type ReadyReport = Readonly<Record<string, { readonly ready: boolean; readonly why?: string }>>;

/** What a service tells its operators. */
export interface AdminSource {
  /** Metrics in Prometheus' text format. */
  metrics(): Promise<string>;
  ready(signal: AbortSignal): Promise<ReadyReport>;
}

export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Kubernetes' probes give up after one second by default; an answer that says why is worth more than a late one. */
const READY_TIMEOUT_MS = 900;

/** Answers `/healthz` (the process runs), `/readyz` (200 or 503, with each dependency) and `/metrics`; undefined for other paths. */
export async function adminAnswer(path: string, source: AdminSource): Promise<AdminAnswer | undefined> {
  switch (path) {
    case '/healthz':
      return { status: 200, contentType: 'text/plain; charset=utf-8', body: 'alive\n' };
    case '/readyz':
      return readiness(source);
    case '/metrics':
      return {
        status: 200,
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        body: await source.metrics(),
      };
    default:
      return undefined;
  }
}

/** Serves `adminAnswer` over plain HTTP, for operators and probes only. Rejects where the address can't be had. */
export async function startAdminServer(options: { listen: HostPort } & AdminSource): Promise<AdminServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      response.writeHead(500).end(`${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.listen, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  source: AdminSource,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const [path = ''] = (request.url ?? '').split('?');
  const found = await adminAnswer(path, source);
  if (found === undefined) response.writeHead(404).end('Only /healthz, /readyz and /metrics are here.\n');
  else response.writeHead(found.status, { 'content-type': found.contentType }).end(found.body);
}

async function readiness(source: AdminSource): Promise<AdminAnswer> {
  const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
  const late = new Promise<never>((_, reject) => {
    timeout.addEventListener('abort', () => reject(new Error(`no answer within ${READY_TIMEOUT_MS} ms`)));
  });
  const dependencies = await Promise.race([source.ready(timeout), late]).catch(
    (error: unknown): ReadyReport => ({
      service: { ready: false, why: error instanceof Error ? error.message : String(error) },
    }),
  );
  const ready = Object.values(dependencies).every((dependency) => dependency.ready);
  const body = `${JSON.stringify({ ready, dependencies })}\n`;
  return { status: ready ? 200 : 503, contentType: 'application/json', body };
}
