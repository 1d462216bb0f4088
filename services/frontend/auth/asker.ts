import { ANONYMOUS, identify, narrowed, type Authentication, type Identity } from '#libs/auth/identity.ts';
import type { AuthState } from '#libs/auth/state.ts';
import type { Scope } from '#libs/auth/scope.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { header, type RequestContext } from '../http/context.ts';
import { readCredentials, type Credentials } from './credentials.ts';
import type { Login } from './login.ts';
import type { RegistryTokens } from './tokens.ts';

/** Who asks, as of now, and how he said so. */
export interface Asker {
  readonly identity: Identity;
  readonly by: Credentials['scheme'];
  /** What the token was asked for, where a token came. */
  readonly scopes: readonly Scope[];
}

export interface Askers {
  /** Throws UNAUTHORIZED for credentials that are wrong, or of no worth any more, and TOOMANYREQUESTS where others were wrong just before. */
  of(ctx: RequestContext, state: AuthState): Promise<Asker>;
}

export interface AskersOptions {
  readonly login: Login;
  readonly tokens: Pick<RegistryTokens, 'readAccess'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export function createAskers({ login, tokens, clock }: AskersOptions): Askers {
  return {
    of: async (ctx, state) => {
      const credentials = readCredentials(header(ctx, 'authorization'));
      switch (credentials.scheme) {
        case 'none':
          return { identity: ANONYMOUS, by: 'none', scopes: [] };
        case 'basic': {
          const proven = await login(state, ctx, credentials);
          return { identity: now(state, proven, clock()), by: 'basic', scopes: [] };
        }
        case 'bearer': {
          const { proven, scopes, grants } = await tokens.readAccess(credentials.token);
          const identity = proven === undefined ? ANONYMOUS : now(state, proven, clock());
          return { identity: narrowed(identity, grants), by: 'bearer', scopes };
        }
      }
    },
  };
}

/** Who was proven is now; throws UNAUTHORIZED where he is gone, disabled, or the credential is. */
export function now(state: AuthState, proven: Authentication, nowMs: number): Identity {
  const identity = identify(state, proven, nowMs);
  if (identity !== undefined) return identity;
  throw new RegistryError(
    'UNAUTHORIZED',
    'The login is not good any more: the account or the credential has been removed, has expired, or is disabled. Log in again.',
  );
}
