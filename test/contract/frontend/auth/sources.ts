import { randomUUID } from 'node:crypto';
import { hashPassword } from '#libs/auth/password.ts';
import { createAuthState, type AuthState } from '#libs/auth/state.ts';
import { createCatalogSource } from '#services/frontend/auth/sources/catalog-source.ts';
import type { Given, IdentitySource } from '#services/frontend/auth/sources/source.ts';

/** A source of identities that knows one person. */
export interface TestSource {
  readonly source: IdentitySource;
  readonly state: AuthState;
  readonly right: Given;
}

/** Each kind of source, and for its name why it is left out. */
export const SOURCES: readonly {
  readonly name: string;
  readonly leftOut: string;
  readonly open: () => Promise<TestSource>;
}[] = [{ name: 'the catalog', leftOut: '', open: openCatalogSource }];

const RIGHT = { name: 'alice', password: 'correct horse battery' };

async function openCatalogSource(): Promise<TestSource> {
  const state = createAuthState();
  const password = { id: randomUUID(), hash: await hashPassword(RIGHT.password) };
  const alice = { kind: 'user', id: randomUUID(), groups: [], disabled: false, createdAtMs: 0, password };
  const entry = { kind: 'principal', name: RIGHT.name, record: JSON.stringify(alice), version: 1 };
  state.apply({ reset: true, entries: [entry] });
  return { source: createCatalogSource(), state, right: RIGHT };
}
