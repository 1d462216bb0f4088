import type { GroupName, PrincipalName } from './names.ts';
import type { Policy } from './policy.ts';
import type { Grant } from './fields.ts';
import type { PrincipalRecord } from './records.ts';

/**
 * Who proved to be whom, and by what. A signed token carries it; what it is worth is looked up again at each request, so that whoever is
 * removed, disabled or has that credential taken away is nobody from then on.
 */
export interface Authentication {
  readonly name: PrincipalName;
  /** Of this one of that name. */
  readonly id: string;
  readonly credential: Credential;
  /** Until when it counts, in milliseconds since 1970; undefined: as long as the credential is there. */
  readonly untilMs?: number;
}

/**
 * A user's password, a robot's secret, a personal access token, or the rule that a machine's token was taken by; each by its id. Or a directory's word, by the
 * id of what is known of the directory.
 */
export type Credential = `${'password' | 'secret' | 'token' | 'rule' | 'directory'}:${string}`;

/** Who asks, as of now. */
export type Identity = Anonymous | Known;

interface Anonymous {
  readonly kind: 'anonymous';
  readonly limits: readonly Limit[];
}

interface Known {
  readonly kind: 'user' | 'robot';
  readonly name: PrincipalName;
  readonly id: string;
  readonly groups: readonly GroupName[];
  readonly limits: readonly Limit[];
}

/** What a token was narrowed to: one of the grants must cover what is asked. All limits of an identity hold. */
export type Limit = readonly Grant[];

export const ANONYMOUS: Identity = { kind: 'anonymous', limits: [] };

/** Who that is now; undefined where there is no such one any more, or the credential is gone. `nowMs` is since 1970. */
export function identify(policy: Policy, proven: Authentication, nowMs: number): Identity | undefined {
  if (nowMs >= (proven.untilMs ?? Infinity)) return undefined;
  const principal = policy.principal(proven.name);
  if (principal?.id !== proven.id || !isActive(policy, principal, nowMs)) return undefined;
  if (!isVouchedFor(policy, principal, proven)) return undefined;
  const limits = limitsOf(policy, principal, proven, nowMs);
  if (limits === undefined) return undefined;
  return { ...identityOf(proven.name, principal), limits };
}

/** The same identity, which may do no more than one of the grants allows. */
export function narrowed(identity: Identity, grants: Limit): Identity {
  return { ...identity, limits: [...identity.limits, grants] };
}

/** As one is who has proven it by something that is narrowed to nothing. */
export function identityOf(name: PrincipalName, { kind, id, groups, ...record }: PrincipalRecord): Known {
  const byIssuer = 'login' in record ? record.login.groups : [];
  const byDirectory = 'directory' in record ? record.directory.groups : [];
  return { kind, name, id, groups: [...groups, ...byIssuer, ...byDirectory], limits: [] };
}

/** Neither disabled nor expired; one whom an issuer vouches for, for as long as his last login lasts and the issuer is there. */
export function isActive(policy: Policy, principal: PrincipalRecord, nowMs: number): boolean {
  if (principal.disabled || !isUnexpired(principal, nowMs)) return false;
  const login = principal.kind === 'user' ? principal.login : undefined;
  if (login === undefined) return true;
  const issuer = policy.issuer(login.issuer);
  return issuer?.id === login.issuerId && issuer.people !== undefined && nowMs < login.endsAtMs;
}

export function isUnexpired({ expiresAtMs }: { expiresAtMs?: number | undefined }, nowMs: number): boolean {
  return expiresAtMs === undefined || nowMs < expiresAtMs;
}

/** What a directory's users prove counts for a time only, and while that directory is known. */
function isVouchedFor(
  policy: Policy,
  principal: PrincipalRecord,
  { untilMs }: Pick<Authentication, 'untilMs'>,
): boolean {
  const from = principal.kind === 'user' ? principal.directory : undefined;
  return from === undefined || (untilMs !== undefined && policy.directory(from.name) !== undefined);
}

/** By what the credential is narrowed; undefined where it is not good any more. */
function limitsOf(
  policy: Policy,
  principal: PrincipalRecord,
  { name, credential }: Authentication,
  nowMs: number,
): readonly Limit[] | undefined {
  const at = credential.indexOf(':');
  const [kind, id] = [credential.slice(0, at), credential.slice(at + 1)];
  if (kind === 'password') {
    return principal.kind === 'user' && principal.password?.id === id ? [] : undefined;
  }
  if (kind === 'secret') {
    const secrets = principal.kind === 'robot' ? principal.secrets : [];
    return secrets.some((secret) => secret.id === id && isUnexpired(secret, nowMs)) ? [] : undefined;
  }
  if (kind === 'rule') {
    const rule = policy.rule(id);
    if (rule?.robotId !== principal.id || rule.robot !== name) return undefined;
    return rule.grants === undefined ? [] : [rule.grants];
  }
  if (kind === 'directory') {
    const from = principal.kind === 'user' ? principal.directory : undefined;
    return from !== undefined && policy.directory(from.name)?.id === id ? [] : undefined;
  }
  const token = kind === 'token' ? policy.token(id) : undefined;
  if (token?.ownerId !== principal.id || token.owner !== name || !isUnexpired(token, nowMs)) return undefined;
  return token.grants === undefined ? [] : [token.grants];
}
