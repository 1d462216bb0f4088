import { randomUUID } from 'node:crypto';
import { createSecret } from '#libs/auth/secret.ts';
import type { Role } from '#libs/auth/roles.ts';
import type { TokenDetails } from '#libs/auth/changes.ts';
import type { MemoryAuth } from '#test/support/memory/auth.ts';

/** What a test needs of someone. */
export interface Person {
  readonly name: string;
  readonly id: string;
  /** A personal access token: it is checked quickly, as a password is not. */
  readonly secret: string;
  readonly tokenId: string;
  readonly basic: { readonly authorization: string };
}

/** A user with a token; made again, someone else of the same name. */
export function makeUser(
  memory: MemoryAuth,
  name: string,
  details: TokenDetails & { groups?: string[] } = {},
): Person {
  const id = randomUUID();
  const { groups = [], ...rest } = details;
  memory.put('principal', name, { kind: 'user', id, groups, disabled: false, createdAtMs: 0 });
  return { name, id, ...giveToken(memory, name, id, rest) };
}

export function giveToken(
  memory: MemoryAuth,
  name: string,
  id: string,
  details: TokenDetails = {},
): Pick<Person, 'secret' | 'tokenId' | 'basic'> {
  const { id: tokenId, text: secret, sha256 } = createSecret('token');
  memory.put('token', tokenId, { owner: name, ownerId: id, sha256, createdAtMs: 0, ...details });
  return { secret, tokenId, basic: basic(name, secret) };
}

export function grant(memory: MemoryAuth, role: Role, subject: string, repositories: string): string {
  const name = randomUUID();
  memory.put('binding', name, { role, subject, repositories, createdAtMs: 0 });
  return name;
}

export function basic(name: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` };
}

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}
