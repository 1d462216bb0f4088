import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, vi } from 'vitest';
import type { DirectoryRecord } from '#libs/auth/directory.ts';
import { hashPassword } from '#libs/auth/password.ts';
import { createAuthState, type AuthState } from '#libs/auth/state.ts';
import { openDirectory, type Directory } from '#libs/ldap/directory.ts';
import { followAuth } from '#services/frontend/auth/follow.ts';
import { createKnownAuth } from '#services/frontend/auth/known.ts';
import { createAdmit } from '#services/frontend/auth/sources/admit.ts';
import { createCatalogSource } from '#services/frontend/auth/sources/catalog-source.ts';
import { createDirectorySource } from '#services/frontend/auth/sources/directory-source.ts';
import type { Given, IdentitySource } from '#services/frontend/auth/sources/source.ts';
import { ALICE, COMPANY, companySettings, SERVICE, SUFFIX } from '#test/support/company-directory.ts';
import { startLdapServer } from '#test/support/ldap-server.ts';
import { memoryAuth } from '#test/support/memory/auth.ts';
import { slapdLeftOut, startSlapd } from '#test/support/slapd.ts';

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
}[] = [
  { name: 'the catalog', leftOut: '', open: openCatalogSource },
  {
    name: 'a directory',
    leftOut: '',
    open: async () => openDirectorySource(await startLdapServer({ entries: COMPANY })),
  },
  {
    name: 'OpenLDAP',
    leftOut: slapdLeftOut,
    open: async () => openDirectorySource(await startSlapd(SUFFIX, COMPANY)),
  },
];

const RIGHT = { name: 'alice', password: 'correct horse battery' };

async function openCatalogSource(): Promise<TestSource> {
  const state = createAuthState();
  const password = { id: randomUUID(), hash: await hashPassword(RIGHT.password) };
  const alice = { kind: 'user', id: randomUUID(), groups: [], disabled: false, createdAtMs: 0, password };
  const entry = { kind: 'principal', name: RIGHT.name, record: JSON.stringify(alice), version: 1 };
  state.apply({ reset: true, entries: [entry] });
  return { source: createCatalogSource(), state, right: RIGHT };
}

async function openDirectorySource(server: {
  readonly url: string;
  readonly close: () => Promise<void>;
}): Promise<TestSource> {
  onTestFinished(() => server.close());
  const memory = memoryAuth();
  const ended = new AbortController();
  const known = createKnownAuth({ staleMs: 60_000, now: () => performance.now() });
  memory.put('directory', 'corp', { ...companySettings(server.url), id: randomUUID(), createdAtMs: 0 });
  const following = followAuth({
    ...{ auth: memory.auth, known, retryMs: 10, signal: ended.signal },
    onFault: (error) => expect.unreachable(String(error)),
  });
  onTestFinished(async () => {
    ended.abort();
    await following;
  });
  await vi.waitFor(() => expect(known.state().directories()).toHaveLength(1));
  const admit = createAdmit({ auth: memory.auth, known, knownWaitMs: 10_000 });
  const open = (settings: DirectoryRecord): Directory =>
    openDirectory({ settings, readPassword: () => SERVICE.password });
  const source = createDirectorySource({ open, admit, clock: () => Date.now() });
  return { source, state: known.state(), right: ALICE };
}
