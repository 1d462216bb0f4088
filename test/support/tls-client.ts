import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import type { Answer } from './registry-client.ts';

/** A client of a registry that speaks TLS, which keeps one connection. */
export interface TlsClient {
  open(method: string, path: string, sent?: TlsSent): Promise<IncomingMessage>;
  /** The same, with the body read whole. */
  send(method: string, path: string, sent?: TlsSent): Promise<Answer>;
  /** Of the certificate that the connection was made with. */
  serial(): string;
  close(): void;
}

export interface TlsSent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** `ca` are the authorities that it believes, in PEM. */
export function createTlsClient(registry: string, ca: readonly Buffer[]): TlsClient {
  // A resumed session shows no certificate.
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: [...ca], maxCachedSessions: 0 });
  let serial = '';
  const open = (
    method: string,
    path: string,
    { headers = {}, body }: TlsSent = {},
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      request(`https://${registry}${path}`, { method, agent, headers: { ...headers, ...length } })
        .on('response', (response) => {
          serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
          resolve(response);
        })
        .on('error', reject)
        .end(body);
    });
  return {
    open,
    send: async (method, path, sent) => {
      const response = await open(method, path, sent);
      const body = await buffer(response);
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    },
    serial: () => serial,
    close: () => agent.destroy(),
  };
}
