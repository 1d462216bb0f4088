import { beforeEach, expect } from 'vitest';
import { createMemoryCache } from '#libs/cache/memory.ts';
import { defaultAuthSettings, type AuthSettings } from '#services/frontend/auth/settings.ts';
import { memoryAuth, type MemoryAuth } from '#test/support/memory/auth.ts';
import { memoryRegions, type MemoryRegion } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import {
  frontendsOfEachTest,
  imageManifest,
  json,
  sha256,
  someBytes,
  type TestFrontend,
} from '../harness.ts';
import { grant, makeUser, type Person } from './people.ts';

const firstAdministrator = { password: undefined, onMade: () => undefined };
const IMAGE = 'application/vnd.oci.image.manifest.v1+json';

/** Two regions' front ends with authentication, and people with each role on `team/**`; `public/*` is anyone's to pull. */
export interface Guarded {
  readonly memory: MemoryAuth;
  /** Of all that authentication does: goes as this machine's, and further when told so. */
  readonly clock: { advance(ms: number): void };
  readonly us: TestFrontend;
  readonly eu: TestFrontend;
  readonly dev: Person;
  /** By a group. */
  readonly puller: Person;
  readonly guest: Person;
  readonly stranger: Person;
  readonly admin: Person;
  readonly open: (region: MemoryRegion, settings?: Partial<AuthSettings>) => Promise<TestFrontend>;
  /** Resolves once both front ends know of everything so far. */
  readonly known: () => Promise<void>;
  readonly tokenOf: (who: Person | undefined, ...scopes: string[]) => Promise<string>;
  readonly push: (
    repository: string,
    who: Person,
    tag?: string,
  ) => Promise<{ digest: string; layer: string }>;
  readonly put: (path: string, manifest: Buffer, who: Person) => Promise<Answer>;
}

/** Made anew for each test; for the top of a test file. */
export function guardedOfEachTest(secrets: { directoryPassword?: string } = {}): () => Guarded {
  const start = frontendsOfEachTest();
  let guarded: Guarded | undefined;
  beforeEach(async () => {
    guarded = await openGuarded(start, secrets);
  });
  return () => guarded ?? expect.unreachable('no test runs');
}

async function openGuarded(
  start: ReturnType<typeof frontendsOfEachTest>,
  { directoryPassword }: { directoryPassword?: string },
): Promise<Guarded> {
  const memory = memoryAuth();
  let aheadMs = 0;
  const others = {
    firstAdministrator,
    readDirectoryPassword: () => directoryPassword,
    clock: () => Date.now() + aheadMs,
  };
  const open = (region: MemoryRegion, settings: Partial<AuthSettings> = {}): Promise<TestFrontend> => {
    const counters = createMemoryCache(() => performance.now());
    const all = { ...defaultAuthSettings, ...settings };
    return start(region, {
      authentication: { auth: memory.auth, counters, settings: all, ...others },
    });
  };
  const regions = memoryRegions('us', 'eu');
  const [us, eu] = [await open(regions.us), await open(regions.eu)];
  const admin = makeUser(memory, 'admin');
  const dev = makeUser(memory, 'dev');
  const puller = makeUser(memory, 'puller', { groups: ['staff'] });
  const guest = makeUser(memory, 'guest');
  const stranger = makeUser(memory, 'stranger');
  grant(memory, 'administrator', 'user:admin', '**');
  grant(memory, 'developer', 'user:dev', 'team/**');
  grant(memory, 'puller', 'group:staff', 'team/**');
  grant(memory, 'guest', 'user:guest', 'team/**');
  grant(memory, 'puller', 'anyone', 'public/*');

  const known = async (): Promise<void> => {
    const last = makeUser(memory, 'last');
    for (const frontend of [us, eu]) {
      const asked = (): Promise<Answer> =>
        frontend.send('GET', '/meridian/v1/token', { headers: last.basic });
      await expect.poll(async () => (await asked()).status, { interval: 5, timeout: 10_000 }).toBe(200);
    }
    memory.remove('principal', last.name);
  };
  const put = (path: string, body: Buffer, who: Person): Promise<Answer> =>
    us.send('PUT', path, { body, headers: { ...who.basic, 'content-type': IMAGE } });
  await known();
  return {
    clock: { advance: (ms) => void (aheadMs += ms) },
    ...{ memory, us, eu, admin, dev, puller, guest, stranger, open, known, put },
    tokenOf: async (who, ...scopes) => {
      const query = scopes.map((scope) => `&scope=${scope}`).join('');
      const path = `/meridian/v1/token?service=meridian${query}`;
      const answer = await us.send('GET', path, who && { headers: who.basic });
      return (json(answer) as { token: string }).token;
    },
    push: async (repository, who, tag = 'latest') => {
      const layer = someBytes(100);
      for (const body of [layer, Buffer.from('{}')]) {
        const path = `/v2/${repository}/blobs/uploads/?digest=${sha256(body)}`;
        expect((await us.send('POST', path, { body, headers: who.basic })).status).toBe(201);
      }
      const manifest = imageManifest(layer);
      expect((await put(`/v2/${repository}/manifests/${tag}`, manifest, who)).status).toBe(201);
      return { digest: sha256(manifest), layer: sha256(layer) };
    },
  };
}
