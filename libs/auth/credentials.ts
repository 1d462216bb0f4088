import type { Authentication, Credential } from './identity.ts';
import { isPrincipalName } from './names.ts';
import { verifyPassword } from './password.ts';
import type { Policy } from './policy.ts';
import type { PrincipalRecord } from './records.ts';
import { isSecret, parseSecret, type Secret } from './secret.ts';

/**
 * Checks a name with a password, a robot's secret or a personal access token of its owner. Gives what was proven, for `identify` to look at:
 * whether that one is disabled or expired is not asked here. A wrong name costs what a wrong password does.
 */
export async function authenticate(
  policy: Policy,
  { name, password }: { readonly name: string; readonly password: string },
): Promise<Authentication | undefined> {
  const principal = policy.principal(name);
  const secret = parseSecret(password);
  const found =
    secret === undefined
      ? await byPassword(principal, password)
      : bySecret(policy, { name, principal }, secret, password);
  if (found === undefined || principal === undefined || !isPrincipalName(name)) return undefined;
  return { name, id: principal.id, credential: found };
}

async function byPassword(
  principal: PrincipalRecord | undefined,
  password: string,
): Promise<Credential | undefined> {
  const own = principal?.kind === 'user' ? principal.password : undefined;
  const isRight = await verifyPassword(password, own?.hash);
  return isRight && own !== undefined ? `password:${own.id}` : undefined;
}

function bySecret(
  policy: Policy,
  { name, principal }: { readonly name: string; readonly principal: PrincipalRecord | undefined },
  { kind, id }: Pick<Secret, 'kind' | 'id'>,
  text: string,
): Credential | undefined {
  const secrets = principal?.kind === 'robot' ? principal.secrets : [];
  const token = policy.token(id);
  const ofOwner = token?.owner === name && token.ownerId === principal?.id ? token : undefined;
  const kept = kind === 'token' ? ofOwner : secrets.find((secret) => secret.id === id);
  // Compared in any case, so that the time tells nothing.
  const isRight = isSecret(text, kept?.sha256 ?? NO_SECRET);
  if (!isRight || kept === undefined) return undefined;
  return kind === 'token' ? `token:${id}` : `secret:${id}`;
}

/** No text's hash that anyone knows. */
const NO_SECRET = '0'.repeat(64);
