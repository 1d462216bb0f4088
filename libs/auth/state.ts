import { RegistryError } from '#libs/oci/errors.ts';
import type { AuthEntry } from '#types/meridian/v1/AuthEntry.ts';
import type { Rule } from './issuer.ts';
import type { Directory, Entry, Policy } from './policy.ts';
import { AUTH_RECORDS, isAuthKind, type AuthKind, type BindingRecord } from './records.ts';

type RecordOf = { readonly [K in AuthKind]: ReturnType<(typeof AUTH_RECORDS)[K]['parse']> };
type Tables = { readonly [K in AuthKind]: Map<string, Entry<RecordOf[K]>> };

/** Identities and permissions in memory, kept up to date by who feeds it. All lookups answer at once. */
export interface AuthState extends Policy, Directory {
  /** Puts and removes records, all at once; a `reset` drops what was there before. Throws INTERNAL, having changed nothing, for what is no record. */
  apply(change: { readonly reset: boolean; readonly entries: readonly AuthEntry[] }): void;
}

export function createAuthState(): AuthState {
  let tables = emptyTables();
  let bySubject: ReadonlyMap<string, readonly BindingRecord[]> = new Map();
  let rules: ReadonlyMap<string, Rule> = new Map();
  let sorted = new Map<AuthKind, readonly Entry<unknown>[]>();
  const list = <K extends AuthKind>(kind: K): readonly Entry<RecordOf[K]>[] => {
    const known = sorted.get(kind) ?? [...tables[kind].values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    sorted.set(kind, known);
    return known as readonly Entry<RecordOf[K]>[];
  };
  return {
    apply: ({ reset, entries }) => {
      const parsed = entries.map(parseEntry);
      if (reset) tables = emptyTables();
      for (const change of parsed) change?.(tables);
      sorted = new Map();
      const changes = (one: AuthKind): boolean => reset || entries.some(({ kind }) => kind === one);
      if (changes('binding')) bySubject = indexed(list('binding'));
      if (changes('issuer')) {
        rules = new Map(list('issuer').flatMap(({ record }) => record.rules.map((rule) => [rule.id, rule])));
      }
    },
    principal: (name) => tables.principal.get(name)?.record,
    token: (id) => tables.token.get(id)?.record,
    directory: (name) => tables.directory.get(name)?.record,
    issuer: (name) => tables.issuer.get(name)?.record,
    rule: (id) => rules.get(id),
    bindingsOf: (subject) => bySubject.get(subject) ?? [],
    principals: () => list('principal'),
    tokens: () => list('token'),
    bindings: () => list('binding'),
    directories: () => list('directory'),
    signingKeys: () => list('key'),
    issuers: () => list('issuer'),
  };
}

/** What the entry does; nothing where a newer version than this one has records of another kind, which give nobody anything here. */
function parseEntry({ kind, name, record, version }: AuthEntry): ((tables: Tables) => void) | undefined {
  if (!isAuthKind(kind)) return undefined;
  if (record === '') return (tables) => void tables[kind].delete(name);
  const parsed = parseRecord(kind, name, record);
  return (tables) => {
    const table: Map<string, Entry<unknown>> = tables[kind];
    table.set(name, { name, record: parsed, version });
  };
}

function parseRecord(kind: AuthKind, name: string, record: string): unknown {
  try {
    return AUTH_RECORDS[kind].parse(JSON.parse(record));
  } catch {
    // The cause would tell what is in the record, secrets' hashes among it.
    const message = `The ${kind} record ${JSON.stringify(name)} is not one that this version of Meridian reads; upgrade this process.`;
    throw new RegistryError('INTERNAL', message);
  }
}

function indexed(bindings: readonly Entry<BindingRecord>[]): Map<string, BindingRecord[]> {
  const bySubject = new Map<string, BindingRecord[]>();
  for (const { record } of bindings) {
    const known = bySubject.get(record.subject);
    if (known === undefined) bySubject.set(record.subject, [record]);
    else known.push(record);
  }
  return bySubject;
}

function emptyTables(): Tables {
  return {
    principal: new Map(),
    token: new Map(),
    binding: new Map(),
    key: new Map(),
    issuer: new Map(),
    directory: new Map(),
  };
}
