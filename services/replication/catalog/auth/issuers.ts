import { randomBytes, randomUUID } from 'node:crypto';
import { parseIssuerChange, type IssuerChange } from '#libs/auth/changes.ts';
import { issuerName, type IssuerRecord, type Rule } from '#libs/auth/issuer.ts';
import { MAX_ISSUERS, MAX_RULES } from '#libs/auth/limits.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, deleteAuth, putAuth, type AuthOptions, type Plan, type Unchanged } from './change.ts';
import { find, requireRoom, requireVersion } from './conditions.ts';
import { issuerRecord } from './records.ts';

/** `Auth.ChangeIssuer`. A change that leaves everything as it is writes nothing. */
export function createChangeIssuer(options: AuthOptions): Auth['changeIssuer'] {
  return async ({ name, make, change: json, ifVersion }, { signal }) => {
    const change = parseIssuerChange(json);
    requireName(name);
    // The same in every attempt.
    const fresh = newIssuer(Math.round(options.clock.nowMs()));
    const ruleId = randomBytes(10).toString('hex');
    const plan = (known: AuthState): Plan | Unchanged => {
      const before = make ? undefined : find(known.issuers(), name, 'issuer');
      if (before !== undefined) requireVersion(before, ifVersion);
      const old = before?.record ?? { ...fresh, url: urlOfNew(known, name, change) };
      if (before !== undefined && change.url !== undefined && change.url !== old.url) throw isAnother(name);
      const value = issuerRecord.encode(changed(known, old, change, ruleId));
      const about = { kind: 'issuer', name, record: value } as const;
      if (before !== undefined && value.equals(issuerRecord.encode(before.record))) {
        return { about, version: before.version };
      }
      return { about, operations: [putAuth('issuer', name, value)] };
    };
    return changeAuth(options, plan, signal);
  };
}

/** `Auth.RemoveIssuer`. Its people stay, as nobody, until an administrator removes them: they are many, and one transaction has room for few. */
export function createRemoveIssuer(options: AuthOptions): Auth['removeIssuer'] {
  return ({ name, ifVersion }, { signal }) => {
    const plan = (known: AuthState): Plan => {
      requireVersion(find(known.issuers(), name, 'issuer'), ifVersion);
      return { operations: [deleteAuth('issuer', name)], about: { kind: 'issuer', name, record: undefined } };
    };
    return changeAuth(options, plan, signal);
  };
}

function newIssuer(createdAtMs: number): Omit<IssuerRecord, 'url'> {
  const sealingKey = randomBytes(32).toString('base64url');
  return { id: randomUUID(), allowPrivate: false, sealingKey, rules: [], createdAtMs };
}

function urlOfNew(known: AuthState, name: string, { url }: IssuerChange): string {
  if (known.issuer(name) !== undefined)
    throw new RegistryError('CONFLICT', `There is an issuer ${quote(name)} already; take another name.`);
  if (url === undefined) throw invalid('The URL of the issuer is missing.');
  const same = known.issuers().find(({ record }) => record.url === url);
  // Whose token it is would be anyone's guess.
  if (same !== undefined)
    throw new RegistryError('CONFLICT', `The issuer of that URL is there already, as ${quote(same.name)}.`);
  requireRoom(known.issuers().length, MAX_ISSUERS, 'issuers');
  return url;
}

function changed(known: AuthState, old: IssuerRecord, change: IssuerChange, ruleId: string): IssuerRecord {
  const { people = old.people, allowPrivate = old.allowPrivate, addRule, removeRules = [] } = change;
  const { people: _old, ...rest } = old;
  const kept = old.rules.filter((rule) => !removeRules.includes(rule.id));
  const added = addRule === undefined ? [] : [ruleOf(known, addRule, ruleId)];
  if (added.length > 0) requireRoom(kept.length, MAX_RULES, 'rules of that issuer');
  return { ...rest, allowPrivate, ...(people != null && { people }), rules: [...kept, ...added] };
}

function ruleOf(known: AuthState, rule: NonNullable<IssuerChange['addRule']>, id: string): Rule {
  const robots = known.principals().filter(({ record }) => record.kind === 'robot');
  return { ...rule, id, robotId: find(robots, rule.robot, 'robot').record.id };
}

function requireName(name: string): void {
  if (issuerName.safeParse(name).success) return;
  throw invalid(
    `The name ${quote(name)} is not valid: expected 1 to 32 lower-case letters, digits and hyphens, such as github.`,
  );
}

function isAnother(name: string): RegistryError {
  return invalid(
    `An issuer's URL is who it is: remove ${quote(name)} and add the other, whose people are others too.`,
  );
}

function invalid(message: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', message);
}
