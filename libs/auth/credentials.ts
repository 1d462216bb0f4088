import type { Authentication } from './identity.ts';
import { isPrincipalName } from './names.ts';
import { verifyPassword } from './password.ts';
import type { Policy } from './policy.ts';
import { isSecret, parseSecret } from './secret.ts';

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
  if (secret === undefined) {
    const own = principal?.kind === 'user' ? principal.password : undefined;
    const right = await verifyPassword(password, own?.hash);
    if (!right || own === undefined || principal === undefined || !isPrincipalName(name)) return undefined;
    return { name, id: principal.id, credential: `password:${own.id}` };
  }
  if (principal === undefined || !isPrincipalName(name)) return undefined;
  if (secret.kind === 'robot') {
    const own = principal.kind === 'robot' ? principal.secrets.find(({ id }) => id === secret.id) : undefined;
    if (own === undefined || !isSecret(password, own.sha256)) return undefined;
    return { name, id: principal.id, credential: `secret:${own.id}` };
  }
  const token = policy.token(secret.id);
  if (token?.ownerId !== principal.id || token.owner !== name || !isSecret(password, token.sha256)) {
    return undefined;
  }
  return { name, id: principal.id, credential: `token:${secret.id}` };
}
