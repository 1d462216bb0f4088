import { describe, expect, it } from 'vitest';
import type { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog, Storage, Uploads } from '#libs/rpc/contracts.ts';
import { catalogOrElsewhere } from '#services/frontend/elsewhere/catalog.ts';
import type { Whereabouts } from '#services/frontend/elsewhere/own-region.ts';
import type { OtherRegion } from '#services/frontend/elsewhere/regions.ts';
import { storageOrElsewhere } from '#services/frontend/elsewhere/storage.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const header = { repository: 'team/app', digest, size: 2 };
const manifest = { mediaType: 'application/json', digest, size: 2 };

/** The own region and `eu`, and where what was put and pushed. */
function regions() {
  const done: string[] = [];
  const catalogOf = (region: string) =>
    ({
      push: async () => {
        done.push(`pushed in ${region}`);
        return { position: null, durableRegions: [], subject: '' };
      },
    }) as unknown as Catalog;
  const uploads = {
    create: async () => ({ id: 'eu.a.b' }),
    write: async () => ({}),
    finish: async () => {
      done.push('put in eu');
      return manifest;
    },
  } as unknown as Uploads;
  const own = {
    put: async () => {
      done.push('put here');
      return manifest;
    },
  } as unknown as Storage;
  const eu = {
    region: 'eu',
    takesContent: true,
    uploads,
    catalog: catalogOf('eu'),
  } as unknown as OtherRegion;
  const presence = { storage: { answers: true }, replication: { answers: true } };
  const where = {
    ...presence,
    regions: { nearestFirst: () => [eu], find: () => eu },
    onUsed: () => undefined,
    putAt: new WeakMap(),
  } as unknown as Whereabouts;
  const storage = storageOrElsewhere(own, where);
  const catalog = catalogOrElsewhere(catalogOf('here'), where, () => undefined);
  const { signal } = new AbortController();
  return {
    presence,
    done,
    put: async () => {
      const parts = async function* () {
        yield { header };
        yield { data: Buffer.from('{}') };
      };
      await storage.put(parts(), { signal });
    },
    push: () =>
      catalog.push(
        {
          ...{ repository: 'team/app', tags: [], manifest, ifMatch: '', ifNoneMatch: '' },
          ...{ pushedBy: '', mayRetag: true, content: Buffer.alloc(0) },
        },
        { signal },
      ),
  };
}

describe('a manifest', () => {
  it.each(['storage', 'replication'] as const)(
    'is pushed where its bytes were put while %s was away, even if that is back',
    async (service) => {
      const { presence, done, put, push } = regions();
      presence[service].answers = false;
      await put();
      presence[service].answers = true;
      await push();
      expect(done).toEqual(['put in eu', 'pushed in eu']);
    },
  );

  it.each(['storage', 'replication'] as const)(
    'that was put here before %s went away is to be pushed again',
    async (service) => {
      const { presence, done, put, push } = regions();
      await put();
      presence[service].answers = false;
      await expect(push()).rejects.toMatchObject({ code: 'UNAVAILABLE' } satisfies Partial<RegistryError>);
      expect(done).toEqual(['put here']);
    },
  );
});
