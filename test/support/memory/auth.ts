import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once, EventEmitter } from 'node:events';
import type { AuthKind } from '#libs/auth/records.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import type { AuthEntry } from '#types/meridian/v1/AuthEntry.ts';
import type { AuthFrame } from '#types/meridian/v1/AuthFrame.ts';

/** Identities and permissions that tests write as they like; front ends follow them. Of changes through the service, admitting a user alone is offered. */
export interface MemoryAuth {
  readonly auth: Auth;
  put(kind: AuthKind, name: string, record: object): void;
  remove(kind: AuthKind, name: string): void;
  /** The text of one that is there. */
  record(kind: AuthKind, name: string): string;
  /** A signing key in use; those before it are retired. Gives its id. */
  rotate(): string;
  /** Ends the streams and opens no others: what is known grows stale. */
  cutOff(): void;
  /** Tells the age of the state from now on. */
  age(stalenessMs: number): void;
}

export function memoryAuth(): MemoryAuth {
  const records = new Map<string, AuthEntry>();
  const told = new EventEmitter().setMaxListeners(0);
  let revision = 1;
  let stalenessMs = 0;
  let isCutOff = false;
  const change = (entry: Omit<AuthEntry, 'version'>): void => {
    revision += 1;
    const key = `${entry.kind}/${entry.name}`;
    if (entry.record === '') records.delete(key);
    else records.set(key, { ...entry, version: revision });
    told.emit('change', { ...entry, version: revision });
  };
  const frame = (entries: AuthEntry[], reset = false): AuthFrame => ({
    position: { catalogId: 'memory', revision, stalenessMs },
    ...{ process: 'memory', reset, more: false, entries, administered: true },
  });
  const refuse = async (): Promise<never> => {
    throw new Error('identities in memory are written by tests alone');
  };
  const memory: MemoryAuth = {
    put: (kind, name, record) => change({ kind, name, record: JSON.stringify(record) }),
    remove: (kind, name) => change({ kind, name, record: '' }),
    record: (kind, name) => records.get(`${kind}/${name}`)?.record ?? '',
    rotate: () => {
      for (const { kind, name, record } of records.values()) {
        if (kind !== 'key') continue;
        const { privateKey: _gone, ...rest } = JSON.parse(record) as { privateKey?: object };
        memory.put('key', name, { ...rest, state: 'retired', retiredAtMs: Date.now() });
      }
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const kid = randomUUID();
      const keys = {
        publicKey: publicKey.export({ format: 'jwk' }),
        privateKey: privateKey.export({ format: 'jwk' }),
      };
      memory.put('key', kid, { state: 'active', ...keys, createdAtMs: Date.now() });
      return kid;
    },
    cutOff: () => {
      isCutOff = true;
      told.emit('end');
    },
    age: (ms) => {
      stalenessMs = ms;
      told.emit('change');
    },
    auth: {
      follow: async function* (_request, { signal }) {
        if (isCutOff) throw new Error('cut off');
        const coming: AuthEntry[] = [];
        const note = (entry?: AuthEntry): void => {
          if (entry !== undefined) coming.push(entry);
        };
        told.on('change', note);
        try {
          yield frame([...records.values()], true);
          for (;;) {
            const ended = AbortSignal.any([signal, AbortSignal.timeout(200)]);
            if (coming.length === 0) await once(told, 'change', { signal: ended }).catch(() => undefined);
            if (signal.aborted) return;
            yield frame(coming.splice(0));
          }
        } finally {
          told.off('change', note);
        }
      },
      ...{
        makeFirstAdministrator: refuse,
        changePrincipal: refuse,
        removePrincipal: refuse,
        rotateKeys: refuse,
      },
      ...{ setDirectory: refuse, removeDirectory: refuse },
      admitUser: async ({ name, directory, subject, groups }) => {
        const key = `principal/${name}`;
        const before = JSON.parse(records.get(key)?.record ?? '{}') as { id?: string; directory?: object };
        const isSame =
          before.directory !== undefined &&
          'subject' in before.directory &&
          before.directory.subject === subject;
        const id = (isSame ? before.id : undefined) ?? randomUUID();
        const from = { name: directory, subject, groups };
        const user = { kind: 'user', id, groups: [], disabled: false, createdAtMs: 0, directory: from };
        memory.put('principal', name, user);
        return { id, position: { catalogId: 'memory', revision, stalenessMs: 0 } };
      },
      ...{ addToken: refuse, removeToken: refuse, addBinding: refuse, removeBinding: refuse },
      ...{ changeIssuer: refuse, removeIssuer: refuse, logIn: refuse },
    },
  };
  memory.rotate();
  return memory;
}
