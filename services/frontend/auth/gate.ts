import { isAllowed, type Asked } from '#libs/auth/decide.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { isRegistryAction } from '#libs/auth/roles.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { warning } from '#libs/oci/warning.ts';
import { repositoryOf, type RequestContext } from '../http/context.ts';
import type { Access } from './access.ts';
import type { Asker, Askers } from './asker.ts';
import { challenge } from './challenge.ts';
import { scopeOf } from './challenge-scope.ts';
import type { RateLimits } from './rate-limits.ts';
import type { KnownAuth } from './known.ts';
import type { Need } from './needs.ts';

/** Stands before every route. */
export interface Gate {
  /**
   * Lets a request through that may have what the route needs, and notes who asks. Throws UNAUTHORIZED, with a challenge; NAME_UNKNOWN
   * or DENIED to one who is known and may not; TOOMANYREQUESTS; UNAVAILABLE where who may do what is not known.
   */
  admit(ctx: RequestContext, need: Need): Promise<void>;
}

export interface GateOptions {
  readonly known: KnownAuth;
  readonly askers: Askers;
  readonly rateLimits: RateLimits;
  readonly publicUrl: string | undefined;
  /** Answers by a state that is staler carry a Warning. */
  readonly staleWarningMs: number;
}

/** Whether the repository is there is not asked: what is told rests on its name alone. */
export function createGate({ known, askers, rateLimits, publicUrl, staleWarningMs }: GateOptions): Gate {
  const ask = async (
    ctx: RequestContext,
    state: AuthState,
    need: Need,
    repository: RepositoryName | undefined,
  ) => {
    try {
      return await askers.of(ctx, state);
    } catch (error) {
      const scope = scopeOf(need, repository);
      if (error instanceof RegistryError && error.code === 'UNAUTHORIZED')
        challenge(ctx, publicUrl, {
          ...(scope && { scope }),
          ...(isBearer(ctx) && { error: 'invalid_token' }),
        });
      throw error;
    }
  };
  return {
    admit: async (ctx, need) => {
      if (need === 'nothing') return;
      const repository = 'name' in ctx.params && !isOfRegistry(need) ? repositoryOf(ctx) : undefined;
      const state = known.state();
      const asker = await ask(ctx, state, need, repository);
      ctx.state.access = accessOf(state, asker);
      rateLimits.count(ctx, ctx.state.access.owner);
      const asked = askedOf(need, repository);
      if (!isAdmitted(state, asker, need, asked)) {
        if (asker.by !== 'basic') {
          const scope = scopeOf(need, repository);
          const error =
            asker.by === 'bearer' && need !== 'login' ? ({ error: 'insufficient_scope' } as const) : {};
          challenge(ctx, publicUrl, { ...(scope && { scope }), ...error });
          throw unauthorized(asker);
        }
        throw forbidden(state, asker, need, repository);
      }
      const stalenessMs = known.stalenessMs();
      if (stalenessMs > staleWarningMs) ctx.set('Warning', warning(staleText(stalenessMs)));
    },
  };
}

function isBearer(ctx: RequestContext): boolean {
  return /^bearer /i.test(ctx.req.headers.authorization ?? '');
}

function isOfRegistry(need: Need): boolean {
  return need === 'login' || need === 'catalog' || need === 'nothing' || isRegistryAction(need);
}

function askedOf(need: Need, repository: RepositoryName | undefined): Asked | undefined {
  if (need === 'nothing' || need === 'login' || need === 'catalog') return undefined;
  if (isRegistryAction(need)) return { action: need };
  if (repository === undefined)
    throw new Error('A route that asks for an action on a repository has none in its path.');
  return { action: need, repository };
}

function isAdmitted(
  state: AuthState,
  { identity, by, scopes }: Asker,
  need: Need,
  asked: Asked | undefined,
): boolean {
  if (asked !== undefined) return isAllowed(state, identity, asked);
  if (need === 'login') return by !== 'none';
  return by === 'basic' || scopes.some((scope) => scope.type === 'registry' && scope.name === 'catalog');
}

function accessOf(state: AuthState, { identity }: Asker): Access {
  return {
    owner: identity.kind === 'anonymous' ? undefined : identity.id,
    name: identity.kind === 'anonymous' ? '' : identity.name,
    identity,
    may: (action, repository) => isAllowed(state, identity, { action, repository }),
  };
}

function unauthorized({ by }: Asker): RegistryError {
  return new RegistryError(
    'UNAUTHORIZED',
    by === 'none'
      ? 'This takes a login: who is not logged in may not do it, or there is nothing of that name.'
      : 'The token is not good for this: who asked for it may not do it, it was asked for something else, or there is nothing of that name.',
  );
}

/** To one who may not even see the repository it looks as if there were none, whatever he tried. */
function forbidden(
  state: AuthState,
  { identity }: Asker,
  need: Need,
  repository: RepositoryName | undefined,
): RegistryError {
  if (repository === undefined) {
    return new RegistryError('DENIED', 'This is for administrators of the registry; ask one of them.');
  }
  if (!isAllowed(state, identity, { action: 'see', repository })) {
    return new RegistryError('NAME_UNKNOWN', `The repository ${repository} is not known, or not to you.`);
  }
  return new RegistryError(
    'DENIED',
    `You may see the repository ${repository}, but not ${WHAT[need]} it; ask an administrator.`,
  );
}

const WHAT: Readonly<Record<Need, string>> = {
  nothing: 'use',
  login: 'use',
  catalog: 'list',
  see: 'see',
  pull: 'pull from',
  push: 'push to',
  retag: 'move tags of',
  delete: 'delete from',
  settings: 'change the settings of',
  operate: 'operate',
  administer: 'administer',
};

function staleText(stalenessMs: number): string {
  return `This region has not heard for ${Math.round(stalenessMs / 1000)} s who may do what; permissions may have changed since.`;
}
