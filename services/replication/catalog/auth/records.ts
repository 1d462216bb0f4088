import { z } from 'zod';
import type { DirectoryRecord } from '#libs/auth/directory.ts';
import { AUTH_RECORDS, type AuthKind } from '#libs/auth/records.ts';
import type { IssuerRecord } from '#libs/auth/issuer.ts';
import type { BindingRecord, PrincipalRecord, SigningKeyRecord, TokenRecord } from '#libs/auth/records.ts';
import { jsonCodec, type Codec } from '../codec.ts';

/** Another `id` in every change, so that a change whose answer was lost can be told from others'. */
export interface AuthStateRecord {
  readonly id: string;
  readonly administeredAtMs: number;
}

export const authStateRecord: Codec<AuthStateRecord> = jsonCodec(
  z.object({ id: z.string(), administeredAtMs: z.int().nonnegative() }),
);

export const principalRecord: Codec<PrincipalRecord> = jsonCodec(AUTH_RECORDS.principal);
export const tokenRecord: Codec<TokenRecord> = jsonCodec(AUTH_RECORDS.token);
export const bindingRecord: Codec<BindingRecord> = jsonCodec(AUTH_RECORDS.binding);
export const signingKeyRecord: Codec<SigningKeyRecord> = jsonCodec(AUTH_RECORDS.key);
export const issuerRecord: Codec<IssuerRecord> = jsonCodec(AUTH_RECORDS.issuer);
export const directoryRecord: Codec<DirectoryRecord> = jsonCodec(AUTH_RECORDS.directory);

/** By what stands in their keys. */
export const authRecords = {
  principal: principalRecord,
  token: tokenRecord,
  binding: bindingRecord,
  key: signingKeyRecord,
  issuer: issuerRecord,
  directory: directoryRecord,
} satisfies Record<AuthKind, unknown>;
