import { matchesClaim } from '#libs/auth/claim-pattern.ts';
import type { Authentication } from '#libs/auth/identity.ts';
import type { IssuerRecord, Rule } from '#libs/auth/issuer.ts';
import type { Entry } from '#libs/auth/policy.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { claimedIssuer, isSignedToken, type ForeignClaims } from '#libs/jwt/verify-foreign.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { RequestContext } from '../../http/context.ts';
import type { ForeignTokens } from './foreign-tokens.ts';

/** Machines, such as the jobs of a CI, that have no secret but a token that their issuer signed for this one run. */
export interface Machines {
  /** Whether what came as a password is such a token. */
  isToken(state: AuthState, password: string): boolean;
  /**
   * What the first rule gives that fits the token, and whose robot has that name, if one is given. Throws UNAUTHORIZED, with why, and UNAVAILABLE
   * where the issuer's keys can't be had.
   */
  prove(state: AuthState, ctx: RequestContext, token: string, robot?: string): Promise<Authentication>;
}

/** By which name a machine asks that need not choose between robots. */
export const ANY_ROBOT = 'oidc';

/** GitLab's tokens may be as old as their job. */
const MAX_AGE_SECONDS = 24 * 3600;

export function createMachines(tokens: ForeignTokens, clock: () => number): Machines {
  return {
    isToken: (state, password) => isSignedToken(password) && state.issuers().some(hasRules),
    prove: async (state, ctx, token, robot = ANY_ROBOT) => {
      const url = claimedIssuer(token);
      const issuer = state.issuers().find((known) => known.record.url === url && hasRules(known));
      if (issuer === undefined)
        throw refused(`its issuer ${quote(url ?? '')} is none of whose machines there are rules`);
      ctx.state.vouched = { issuer: issuer.name, subject: '', name: '', id: '' };
      const audiences = [...new Set(issuer.record.rules.map(({ audience }) => audience))];
      const claims = await tokens.verify(issuer, token, { audiences, maxAgeSeconds: MAX_AGE_SECONDS });
      const subject = claims.sub.slice(0, MAX_SHOWN_SUBJECT);
      ctx.state.vouched = { issuer: issuer.name, subject, name: '', id: '' };
      const rule = issuer.record.rules.find(
        (one) => (robot === ANY_ROBOT || robot === one.robot) && fits(one, claims),
      );
      if (rule === undefined)
        throw refused(`no rule of the issuer ${issuer.name} fits it, which is of ${quote(claims.sub)}`);
      ctx.state.vouched = { issuer: issuer.name, subject, name: rule.robot, id: rule.robotId };
      const untilMs = clock() + rule.sessionMs;
      return { name: rule.robot, id: rule.robotId, credential: `rule:${rule.id}`, untilMs };
    },
  };
}

const MAX_SHOWN_SUBJECT = 255;

function hasRules({ record }: Entry<IssuerRecord>): boolean {
  return record.rules.length > 0;
}

/** The token may be meant for several, and another rule of the issuer may be of another of them. */
function fits({ audience, claims: conditions }: Rule, claims: ForeignClaims): boolean {
  const { aud = [] } = claims;
  if (!(Array.isArray(aud) ? aud : [aud]).includes(audience)) return false;
  return conditions.every(
    ({ claim, pattern }) => Object.hasOwn(claims, claim) && matchesClaim(pattern, claims[claim]),
  );
}

function refused(why: string): RegistryError {
  return new RegistryError('UNAUTHORIZED', `The token is not accepted: ${why}.`);
}
