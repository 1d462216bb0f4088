import { askedOf } from '#libs/auth/decide.ts';
import { explain } from '#libs/auth/explain.ts';
import { ANONYMOUS, identityOf, isActive, type Identity } from '#libs/auth/identity.ts';
import { isPrincipalName } from '#libs/auth/names.ts';
import { REGISTRY_ACTIONS, REPOSITORY_ACTIONS, type Action } from '#libs/auth/roles.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { quote } from '#libs/oci/quote.ts';
import { answerJson } from '../../http/answer.ts';
import { queryParameter, type Handler } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import { mayAdminister, requireKnown } from './self.ts';

const ACTIONS: readonly string[] = [...REPOSITORY_ACTIONS, ...REGISTRY_ACTIONS];

/** Whether someone may do something, and why: oneself, or anyone where an administrator asks. */
export function can(authentication: Authentication): Handler {
  return async (ctx) => {
    const asker = requireKnown(ctx);
    const who = queryParameter(ctx, 'identity') ?? asker.name;
    if (who !== asker.name && !mayAdminister(authentication, asker)) {
      throw new RegistryError('DENIED', 'Only an administrator is told what others may do.');
    }
    const state = authentication.known.state();
    const action = actionOf(queryParameter(ctx, 'action') ?? '');
    const name = queryParameter(ctx, 'repository');
    const asked = askedOf(action, name === undefined ? undefined : parseRepositoryName(name));
    if (asked === undefined) throw wrongCombination(action);
    const identity = who === asker.name ? asker : identityNamed(state, who, authentication.clock());
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, {
      identity: who,
      action,
      ...(name !== undefined && { repository: name }),
      ...explain(state, identity, asked),
    });
  };
}

/** As one would be who has proven to be that; throws NAME_UNKNOWN, and DENIED for one who could not log in. */
function identityNamed(state: AuthState, name: string, nowMs: number): Identity {
  if (name === 'anonymous') return ANONYMOUS;
  const principal = state.principal(name);
  if (principal === undefined || !isPrincipalName(name)) {
    throw new RegistryError(
      'NAME_UNKNOWN',
      `There is no user or robot ${quote(name)}; who is not logged in is called anonymous.`,
    );
  }
  if (!isActive(state, principal, nowMs)) {
    throw new RegistryError(
      'CONFLICT',
      `${name} can't log in: the account is disabled or has expired, or the last login through its issuer has ended.`,
    );
  }
  return identityOf(name, principal);
}

function actionOf(text: string): Action {
  if (ACTIONS.includes(text)) return text as Action;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The action is ${quote(text)}; expected one of ${ACTIONS.join(', ')}.`,
  );
}

function wrongCombination(action: Action): RegistryError {
  return new RegistryError(
    'REQUEST_INVALID',
    (REGISTRY_ACTIONS as readonly string[]).includes(action)
      ? `The action ${action} is one on the registry itself; leave the repository out.`
      : `The action ${action} is one on a repository; name it.`,
  );
}
