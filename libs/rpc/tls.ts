import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { type ChannelCredentials, type ChannelOptions, credentials, ServerCredentials } from '@grpc/grpc-js';

/** Paths of PEM files for mutual TLS: who signs the others, and what this process shows. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Credentials that ask the caller for a certificate of `ca`; plaintext without files. */
export function serverCredentials(tls: TlsFiles | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: readFileSync(tls.cert), private_key: readFileSync(tls.key) };
  return ServerCredentials.createSsl(readFileSync(tls.ca), [pair], true);
}

export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** TLS names the server it wants by a host name only; for an address it is sent this one, which no server has. */
const NO_NAME = 'address.invalid';

/** Shows a certificate and accepts only servers of `ca` whose certificate names `address`' host; plaintext without files. */
export function channelSecurity(tls: TlsFiles | undefined, address: string): ChannelSecurity {
  if (tls === undefined) return { credentials: credentials.createInsecure(), options: {} };
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((path) => readFileSync(path));
  const ip = /^\[?(.+?)\]?:\d+$/.exec(address)?.[1] ?? '';
  if (isIP(ip) === 0) return { credentials: credentials.createSsl(ca, key, cert), options: {} };
  return {
    credentials: credentials.createSsl(ca, key, cert, {
      checkServerIdentity: (_name, shown) => checkServerIdentity(ip, shown),
    }),
    options: { 'grpc.ssl_target_name_override': NO_NAME },
  };
}
