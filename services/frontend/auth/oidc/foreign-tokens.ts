import type { Entry } from '#libs/auth/policy.ts';
import type { IssuerRecord } from '#libs/auth/issuer.ts';
import { verifyForeignToken, type ForeignClaims } from '#libs/jwt/verify-foreign.ts';
import type { Providers } from './providers.ts';

/** Tokens that issuers have signed. */
export interface ForeignTokens {
  /** Throws UNAUTHORIZED, and UNAVAILABLE where the issuer's keys can't be had. */
  verify(issuer: Entry<IssuerRecord>, token: string, expected: ExpectedToken): Promise<ForeignClaims>;
}

export interface ExpectedToken {
  /** One of them it must be meant for. */
  readonly audiences: readonly string[];
  readonly maxAgeSeconds: number;
}

const CLOCK_TOLERANCE_SECONDS = 30;

/** `clock` gives milliseconds since 1970. */
export function createForeignTokens(providers: Pick<Providers, 'keys'>, clock: () => number): ForeignTokens {
  return {
    verify: ({ record }, token, expected) =>
      verifyForeignToken(token, {
        ...expected,
        issuer: record.url,
        clockToleranceSeconds: CLOCK_TOLERANCE_SECONDS,
        clock,
        key: async (kid, algorithm) => {
          const known = await (await providers.keys(record, false)).find(kid, algorithm);
          // It may be one that the issuer has only just begun to use.
          return known ?? (await providers.keys(record, true)).find(kid, algorithm);
        },
      }),
  };
}
