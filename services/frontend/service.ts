import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';
import { createAnnounce } from './announce.ts';
import { createCatalogCache } from './cache/catalog-cache.ts';
import { followCatalog } from './cache/follow.ts';
import { createLocalFiles } from './content/local-files.ts';
import { createReadBuffers } from './content/read-buffers.ts';
import { createContentReader } from './content/reader.ts';
import type { Collaborators, Frontend } from './frontend.ts';
import type { RequestState } from './http/context.ts';
import { answerErrors, type OnFault } from './http/errors.ts';
import { answerMalformed } from './http/malformed.ts';
import { observe, type OnRequest } from './http/observe.ts';
import { registryRouter } from './routes.ts';
import type { FrontendSettings } from './settings.ts';

export interface FrontendOptions extends Collaborators {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly region: string;
  readonly settings: FrontendSettings;
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
  const frontend = wire(options, stopping.signal);
  const application = applicationOf(frontend, options).callback();
  const server = createServer(
    {
      maxHeaderSize: settings.maxHeaderBytes,
      headersTimeout: settings.headersTimeoutMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      // A body may take as long as it takes.
      requestTimeout: 0,
    },
    (request, response) => {
      application(request, response).catch((error: unknown) => onFault(error, 'answering a request'));
    },
  );
  answerMalformed(server, settings.maxHeaderBytes);
  server.listen(options.listen);
  await once(server, 'listening');

  const following = followCatalog({
    catalog: frontend.catalog,
    cache: frontend.cache,
    retryMs: settings.followRetryMs,
    signal: stopping.signal,
  }).catch((error: unknown) => onFault(error, 'following the catalog'));
  const stop = async (graceMs: number): Promise<void> => {
    await close(server, graceMs);
    stopping.abort(new Error('The front end stops.'));
    await following;
  };
  let stopped: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    stop: (graceMs) => (stopped ??= stop(graceMs)),
  };
}

function wire(options: FrontendOptions, signal: AbortSignal): Frontend {
  const { storage, uploads, remoteUploads, catalog, transfer, settings, region } = options;
  const now = (): number => performance.now();
  return {
    ...{ storage, uploads, remoteUploads, catalog, transfer, settings, region },
    cache: createCatalogCache({ settings, now }),
    content: createContentReader({ storage, transfer, maxCachedBytes: settings.maxCachedContentBytes }),
    files: createLocalFiles({
      storage,
      maxCachedPaths: settings.maxCachedPaths,
      retryMs: settings.localFilesRetryMs,
      now,
    }),
    announce: createAnnounce({
      transfer,
      maxAnnouncements: settings.maxAnnouncements,
      timeoutMs: settings.announceTimeoutMs,
      signal,
      onFailure: options.onAnnounceFailure,
    }),
  };
}

function applicationOf(
  frontend: Frontend,
  { settings, onRequest, onFault }: FrontendOptions,
): Koa<RequestState> {
  const buffers = createReadBuffers({
    max: settings.maxReadBuffers,
    bytes: settings.readBufferBytes,
    scarceBytes: settings.scarceReadBufferBytes,
  });
  const router = registryRouter(frontend, buffers);
  const app = new Koa<RequestState>();
  app.use(observe(onRequest, settings));
  app.use(answerErrors(onFault));
  app.use(router.allowedMethods());
  app.use(router.routes());
  // What fails after the header was sent has been dealt with where it was sent.
  app.on('error', (error: unknown, ctx?: { headerSent: boolean }) => {
    if (ctx?.headerSent !== true) onFault(error, 'answering a request');
  });
  return app;
}

/** Connections without a request are closed at once, and the others as soon as theirs is answered. */
async function close(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const grace = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(grace);
}

const IDLE_CHECK_MS = 50;
