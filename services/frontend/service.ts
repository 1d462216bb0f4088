import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import type { TlsKeyPair } from '#libs/tls/identity.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';
import { createAuditing } from './audit/auditing.ts';
import { JOURNAL_LIMITS, openJournal, type Journal } from './audit/journal.ts';
import type { AuthCollaborators } from './auth/authentication.ts';
import { startAuthentication } from './auth/start.ts';
import { followCatalog } from './cache/follow.ts';
import { createReadBudget, type ReadBudget } from './content/read-budget.ts';
import { createReadBuffers } from './content/read-buffers.ts';
import type { Collaborators, Frontend } from './frontend.ts';
import { closeServer } from './http/close-server.ts';
import { createHttpServer } from './http/server.ts';
import type { RequestParameters, RequestState } from './http/context.ts';
import { answerErrors, type OnFault } from './http/errors.ts';
import { requireHost } from './http/host.ts';
import { answerMalformed } from './http/malformed.ts';
import { observe, type OnRequest } from './http/observe.ts';
import { routing } from './http/router.ts';
import { originForm } from './http/target.ts';
import { answeringRoutes } from './routes.ts';
import type { FrontendSettings } from './settings.ts';
import { wireFrontend } from './wire.ts';

export interface FrontendOptions extends Collaborators {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** What clients are shown; plain HTTP without. */
  readonly tls?: TlsKeyPair | undefined;
  readonly region: string;
  readonly settings: FrontendSettings;
  /** Storage runs in this process, and does not go away without it. */
  readonly isStorageHere?: boolean;
  /** The other regions whose services the request with this signal has used so far. */
  readonly regionsUsed: (signal: AbortSignal) => readonly string[];
  /** Without it everyone may do everything. */
  readonly authentication?: AuthCollaborators;
  /** Called once for each request when it has ended. */
  readonly onRequest: OnRequest;
  /** Takes note of faults of the program. */
  readonly onFault: OnFault;
  /** Takes note that other regions could not be told of a new blob. */
  readonly onAnnounceFailure: (blob: AnnounceBlob, error: unknown) => void;
}

export interface RunningFrontend {
  readonly port: number;
  /** Takes no new requests, lets the running ones finish for `graceMs`, then cuts them. */
  stop(graceMs: number): Promise<void>;
}

/** Serves the registry's HTTP API. Rejects where the address can't be had. */
export async function startFrontend(options: FrontendOptions): Promise<RunningFrontend> {
  const { settings, onFault } = options;
  const stopping = new AbortController();
  const budget = createReadBudget(settings.maxReadBytes);
  const frontend = wireFrontend(options, budget, stopping.signal);
  const journal = await journalOf(options);
  const onRequest =
    journal === undefined
      ? options.onRequest
      : both(options.onRequest, createAuditing(journal, options.region, Date.now));
  const application = applicationOf(frontend, budget, { ...options, onRequest }).callback();
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    request.url = originForm(request.url ?? '/');
    // Node loses the request after one that offers an upgrade and is answered before its body has come.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    application(request, response).catch((error: unknown) => onFault(error, 'answering a request'));
  };
  const server = createHttpServer(settings, options.tls, serve);
  // Whoever reads the body says that it may come, so that a refusal comes before it.
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  answerMalformed(server, settings.maxHeaderBytes, settings.discardTimeoutMs);
  server.listen(options.listen);
  await once(server, 'listening');

  const following = followCatalog({
    catalog: frontend.catalog,
    followers: [frontend.placement, frontend.cache, frontend.membership],
    retryMs: settings.followRetryMs,
    signal: stopping.signal,
  }).catch((error: unknown) => onFault(error, 'following the catalog'));
  const { authentication } = frontend;
  const followingAuth = authentication && startAuthentication(authentication, onFault, stopping.signal);
  const stop = async (graceMs: number): Promise<void> => {
    await closeServer(server, graceMs);
    stopping.abort(new Error('The front end stops.'));
    await Promise.all([following, followingAuth]);
    await journal?.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    stop: (graceMs) => (stopped ??= stop(graceMs)),
  };
}

/** Undefined where nothing is kept of who did what. */
async function journalOf({ authentication, onFault }: FrontendOptions): Promise<Journal | undefined> {
  const directory = authentication?.settings.auditDirectory;
  if (directory === undefined) return undefined;
  return openJournal({
    ...{ directory, process: randomUUID(), limits: JOURNAL_LIMITS, nowMs: Date.now },
    onFault: (error) => onFault(error, 'keeping who did what'),
  });
}

function both(one: OnRequest, other: OnRequest): OnRequest {
  return (record) => {
    one(record);
    other(record);
  };
}

function applicationOf(
  frontend: Frontend,
  budget: ReadBudget,
  { settings, regionsUsed, onRequest, onFault }: FrontendOptions,
): Koa<RequestState, RequestParameters> {
  const buffers = createReadBuffers({
    budget,
    limits: { mostBytes: settings.readBufferBytes, leastBytes: settings.leastReadBufferBytes },
    // There are several sizes.
    maxKeptBytes: settings.maxReadBytes / 4,
    aheadBytes: settings.readAheadBufferBytes,
    maxAhead: settings.maxReadAheadBuffers,
  });
  const app = new Koa<RequestState, RequestParameters>();
  app.use(observe(onRequest, regionsUsed, settings));
  app.use(answerErrors(onFault));
  app.use(requireHost);
  app.use(routing(answeringRoutes(frontend, buffers)));
  // What fails after the header was sent has been dealt with where it was sent.
  app.on('error', (error: unknown, ctx?: { headerSent: boolean }) => {
    if (ctx?.headerSent !== true) onFault(error, 'answering a request');
  });
  return app;
}
