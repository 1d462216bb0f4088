import { ANONYMOUS, type Authentication } from '#libs/auth/identity.ts';
import { grantedScopes, parseScopes, type Scope } from '#libs/auth/scope.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { answerJson } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import {
  header,
  queryParameter,
  queryParameters,
  type Handler,
  type RequestContext,
} from '../http/context.ts';
import { now } from './asker.ts';
import { formatScope } from './challenge-scope.ts';
import { challengeBasic } from './challenge.ts';
import { readCredentials } from './credentials.ts';
import type { KnownAuth } from './known.ts';
import type { Login } from './login.ts';
import { ACCESS_TOKEN, proveExchange, TOKEN_EXCHANGE } from './oidc/exchange.ts';
import type { Machines } from './oidc/machines.ts';
import { SERVICE, type RegistryTokens } from './tokens.ts';

export interface TokenEndpoint {
  readonly known: KnownAuth;
  readonly login: Login;
  readonly machines: Machines;
  readonly tokens: RegistryTokens;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const MAX_FORM_BYTES = 16 * 1024;
/** Clients take for granted that a token is good for a minute. */
const LEAST_TOKEN_MS = 60_000;

/** By name and password in the header, or of nobody. https://distribution.github.io/distribution/spec/auth/token/ */
export function getToken(endpoint: TokenEndpoint): Handler {
  return answering(async (ctx) => {
    requireService(queryParameter(ctx, 'service'));
    const scopes = parseScopes(queryParameters(ctx, 'scope'));
    const state = endpoint.known.state();
    const credentials = readCredentials(header(ctx, 'authorization'));
    if (credentials.scheme === 'bearer') {
      throw new RegistryError(
        'UNAUTHORIZED',
        'A token is asked for by name and password, or by a refresh token with POST.',
      );
    }
    const proven =
      credentials.scheme === 'none'
        ? undefined
        : await endpoint.login(state, ctx, credentials, LEAST_TOKEN_MS);
    const isOffline = queryParameter(ctx, 'offline_token') === 'true';
    const refresh = proven && isOffline ? await endpoint.tokens.issueRefresh(proven) : undefined;
    await tellToken(endpoint, ctx, { state, proven, scopes, refresh });
  });
}

/** By a form, with a password, a refresh token or a token of a machine's issuer. https://distribution.github.io/distribution/spec/auth/oauth/ */
export function postToken(endpoint: TokenEndpoint): Handler {
  const { known, login, machines, tokens } = endpoint;
  return answering(async (ctx) => {
    const form = new URLSearchParams((await readBody(ctx, 'form', MAX_FORM_BYTES)).toString());
    requireService(form.get('service') ?? undefined);
    const scopes = parseScopes(form.getAll('scope'));
    const state = known.state();
    switch (form.get('grant_type')) {
      case 'password': {
        const given = { name: required(form, 'username'), password: required(form, 'password') };
        const proven = await login(state, ctx, given, LEAST_TOKEN_MS);
        const refresh = form.get('access_type') === 'offline' ? await tokens.issueRefresh(proven) : undefined;
        await tellToken(endpoint, ctx, { state, proven, scopes, refresh });
        return;
      }
      case 'refresh_token': {
        const refresh = required(form, 'refresh_token');
        await tellToken(endpoint, ctx, { state, proven: await tokens.readRefresh(refresh), scopes, refresh });
        return;
      }
      case TOKEN_EXCHANGE: {
        const proven = await proveExchange(machines, state, ctx, form);
        const refresh = form.get('access_type') === 'offline' ? await tokens.issueRefresh(proven) : undefined;
        await tellToken(endpoint, ctx, { state, proven, scopes, refresh, issuedType: ACCESS_TOKEN });
        return;
      }
      default:
        throw new RegistryError(
          'REQUEST_INVALID',
          // What came is not repeated: next to it stand secrets, and forms get mixed up.
          `The grant_type is not one that is known; expected password, refresh_token or ${TOKEN_EXCHANGE}.`,
        );
    }
  });
}

/** Whoever is not let in is told how to come. */
function answering(answer: Handler): Handler {
  return async (ctx) => {
    try {
      await answer(ctx);
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'UNAUTHORIZED') challengeBasic(ctx);
      throw error;
    }
  };
}

interface Told {
  readonly state: AuthState;
  readonly proven: Authentication | undefined;
  readonly scopes: readonly Scope[];
  readonly refresh: string | undefined;
  readonly issuedType?: string;
}

/** Grants what of the scopes may be had now; whoever asks for more gets a token for the rest. */
async function tellToken(
  { tokens, clock }: TokenEndpoint,
  ctx: RequestContext,
  { state, proven, scopes, refresh, issuedType }: Told,
): Promise<void> {
  const identity = proven === undefined ? ANONYMOUS : now(state, proven, clock());
  const granted = grantedScopes(state, identity, scopes);
  const { token, expiresInSeconds } = await tokens.issueAccess({ proven, scopes: granted });
  ctx.set('Cache-Control', 'no-store');
  answerJson(ctx, {
    token,
    access_token: token,
    ...(issuedType !== undefined && { issued_token_type: issuedType }),
    token_type: 'Bearer',
    expires_in: expiresInSeconds,
    issued_at: new Date(clock()).toISOString(),
    scope: granted.map(shownScope).join(' '),
    ...(refresh !== undefined && { refresh_token: refresh }),
  });
}

function shownScope(scope: Scope): string {
  if (scope.type === 'registry') return formatScope({ registry: scope.name });
  return formatScope({ repository: scope.name, actions: scope.actions });
}

function requireService(service: string | undefined): void {
  if (service === undefined || service === '' || service === SERVICE) return;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The service is ${quote(service)}; expected ${SERVICE}, as the registry's challenge says.`,
  );
}

/** A secret's value is not repeated, so the parameter alone is named. */
function required(form: URLSearchParams, parameter: string): string {
  const value = form.get(parameter);
  if (value !== null && value !== '') return value;
  throw new RegistryError('REQUEST_INVALID', `The form's parameter ${parameter} is missing.`);
}
