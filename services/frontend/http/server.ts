import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TlsKeyPair } from '#libs/tls/identity.ts';
import type { FrontendSettings } from '../settings.ts';

type Limits = Pick<
  FrontendSettings,
  'maxHeaderBytes' | 'headersTimeoutMs' | 'keepAliveTimeoutMs' | 'tcpKeepAliveMs'
>;

/** A server of HTTP/1.1, over TLS where there is something to show. */
export function createHttpServer(
  limits: Limits,
  tls: TlsKeyPair | undefined,
  serve: RequestListener,
): Server {
  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: limits.headersTimeoutMs / 4,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Checked by requireHost, whose refusal says what is wrong.
    requireHostHeader: false,
    // A body may take as long as it takes, as long as it moves: client-pace.ts.
    requestTimeout: 0,
    keepAlive: true,
    keepAliveInitialDelay: limits.tcpKeepAliveMs,
  };
  if (tls === undefined) return createServer(options, serve);
  const server = createTlsServer(
    { ...options, ...TLS, ...tls.current(), handshakeTimeout: limits.headersTimeoutMs },
    serve,
  );
  // Connections that are there go on with what they were shown.
  const stopRenewing = tls.onRenewed((pems) => server.setSecureContext({ ...TLS, ...pems }));
  server.once('close', stopRenewing);
  return server;
}

const TLS = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] } as const;
