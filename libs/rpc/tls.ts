import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials,
  experimental,
  ServerCredentials,
} from '@grpc/grpc-js';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import { certificateProvider } from './certificate-provider.ts';

const { createCertificateProviderChannelCredentials, createCertificateProviderServerCredentials } =
  experimental;

/** Credentials that ask the caller for a certificate of the identity's authority; plaintext without one. */
export function serverCredentials(tls: TlsIdentity | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const provider = certificateProvider(tls);
  return createCertificateProviderServerCredentials(provider, provider, true);
}

export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** TLS names the server it wants by a host name only; for an address it is sent this one, which no server has. */
const NO_NAME = 'address.invalid';

/** Shows a certificate and accepts only servers of its authority whose certificate names `address`' host; plaintext without an identity. */
export function channelSecurity(tls: TlsIdentity | undefined, address: string): ChannelSecurity {
  if (tls === undefined) return { credentials: credentials.createInsecure(), options: {} };
  const provider = certificateProvider(tls);
  const ip = /^\[?(.+?)\]?:\d+$/.exec(address)?.[1] ?? '';
  if (isIP(ip) === 0)
    return { credentials: createCertificateProviderChannelCredentials(provider, provider), options: {} };
  return {
    credentials: createCertificateProviderChannelCredentials(provider, provider, {
      checkServerIdentity: (_name, shown) => checkServerIdentity(ip, shown),
    }),
    options: { 'grpc.ssl_target_name_override': NO_NAME },
  };
}
