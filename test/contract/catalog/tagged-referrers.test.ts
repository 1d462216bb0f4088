import { expect, it } from 'vitest';
import { digestOf, parseDigest } from '#libs/oci/digest.ts';
import { OCI_INDEX, OCI_LAYER_GZIP } from '#libs/oci/mediatype.ts';
import { referrersTag } from '#libs/oci/referrers-tag.ts';
import type { ReferrersPage } from '#types/meridian/v1/ReferrersPage.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { listReferrers, until } from './asks.ts';
import { image, push, type TestImage } from './images.ts';
import { newWorld, openRegion, type TestRegion } from './regions.ts';

const REPOSITORY = 'referrers/tagged';
const SBOM = 'application/sbom';
const SIGNATURE = 'application/signature';

const digests = ({ referrers }: ReferrersPage): string[] =>
  referrers.map(({ manifest }) => manifest?.digest ?? '');
const sorted = (images: readonly TestImage[]): string[] =>
  images.map(({ descriptor }) => descriptor.digest).sort();

/** An index of descriptors, as clients make it that keep referrers under a tag. */
function indexOf(manifests: readonly object[], more = {}): TestImage {
  const body = { schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more };
  const bytes = Buffer.from(JSON.stringify(body));
  const descriptor = { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length };
  return { descriptor, bytes, blobs: [] };
}

describeStores((subject) => {
  const open = ({ client }: Subject, more = {}) => openRegion({ etcd: client, client, ...more });
  const tagOf = ({ descriptor }: TestImage): string => referrersTag(parseDigest(descriptor.digest));
  const list = (region: TestRegion, of: TestImage, page = {}): Promise<ReferrersPage> =>
    listReferrers(region, REPOSITORY, of.descriptor.digest, page);

  it('are merged with those of the API, each once, by digest, in pages and by artifact type', async () => {
    const us = await open(subject());
    const app = image('tagged-app');
    const own = ['a', 'b', 'c'].map((seed) =>
      image(`own-${seed}`, { more: { subject: app.descriptor, artifactType: SBOM } }),
    );
    const old = ['a', 'b', 'c', 'd'].map((seed) => image(`old-${seed}`));
    for (const one of [...own, ...old]) await push(us, REPOSITORY, [], one);
    const annotations = { title: 'as the index has it' };
    const [first] = own;
    const index = indexOf([
      ...old.map(({ descriptor }) => ({ ...descriptor, artifactType: SIGNATURE, annotations })),
      { ...old[0]?.descriptor, artifactType: SBOM },
      // The API's own knows better.
      { ...first?.descriptor, artifactType: SIGNATURE },
    ]);
    await push(us, REPOSITORY, [tagOf(app)], index);

    const all = await list(us, app);
    expect(digests(all)).toEqual(sorted([...own, ...old]));
    expect(all.referrers.find(({ manifest }) => manifest?.digest === old[0]?.descriptor.digest)).toEqual({
      manifest: old[0]?.descriptor,
      artifactType: SIGNATURE,
      annotations,
    });
    expect(digests(await list(us, app, { artifactType: SIGNATURE }))).toEqual(sorted(old));
    expect(digests(await list(us, app, { artifactType: SBOM }))).toEqual(sorted(own));

    const paged: string[] = [];
    for (let more = true; more;) {
      const page = await list(us, app, { limit: 2, last: paged.at(-1) ?? '' });
      expect(page.referrers.length).toBeGreaterThan(0);
      paged.push(...digests(page));
      more = page.more;
    }
    expect(paged).toEqual(digests(all));
  });

  it('leave with their manifests, and stay when the subject goes', async () => {
    const us = await open(subject());
    const app = image('leaving-app');
    const [kept, deleted] = [image('kept'), image('deleted')];
    for (const one of [app, kept, deleted]) await push(us, REPOSITORY, [], one);
    await push(us, REPOSITORY, [tagOf(app)], indexOf([kept.descriptor, deleted.descriptor]));
    expect(digests(await list(us, app))).toEqual(sorted([kept, deleted]));
    for (const { descriptor } of [deleted, app]) {
      const request = { repository: REPOSITORY, digest: descriptor.digest, ifMatch: '' };
      await us.catalog.deleteManifest(request, { signal: testSignal() });
    }
    expect(digests(await list(us, app))).toEqual(sorted([kept]));
  });

  it('of a digest by sha512 are under a tag of 64 characters of its hash', async () => {
    const us = await open(subject());
    const hex = 'ab'.repeat(64);
    const referrer = image('of-512');
    await push(us, REPOSITORY, [], referrer);
    await push(us, REPOSITORY, [`sha512-${hex.slice(0, 64)}`], indexOf([referrer.descriptor]));
    const found = await listReferrers(us, REPOSITORY, `sha512:${hex}`);
    expect(digests(found)).toEqual(sorted([referrer]));
  });

  it('have the artifact type that the repository knows where the index names none; blobs are no referrers', async () => {
    const us = await open(subject());
    const app = image('untyped-app');
    const untyped = image('untyped', { more: { artifactType: SBOM } });
    await push(us, REPOSITORY, [], untyped);
    const [blob] = untyped.blobs;
    const layer = { mediaType: OCI_LAYER_GZIP, digest: blob?.digest, size: blob?.bytes.length };
    await push(us, REPOSITORY, [tagOf(app)], indexOf([layer, untyped.descriptor]));
    const { referrers } = await list(us, app);
    expect(referrers).toEqual([{ manifest: untyped.descriptor, artifactType: SBOM, annotations: {} }]);
  });

  it('are left out where the tag points to no index, or to damaged bytes, or to bytes that are nowhere', async () => {
    const us = await open(subject());
    const app = image('damaged-app');
    const own = image('own-of-damaged', { more: { subject: app.descriptor } });
    const old = image('old-of-damaged');
    for (const one of [own, old]) await push(us, REPOSITORY, [], one);
    await push(us, REPOSITORY, [tagOf(app)], old);
    expect(digests(await list(us, app))).toEqual(sorted([own]));

    const index = indexOf([old.descriptor], { annotations: { of: 'damaged' } });
    await push(us, REPOSITORY, [tagOf(app)], index);
    expect(digests(await list(us, app))).toEqual(sorted([own, old]));
    const { digest } = index.descriptor;
    for (const bytes of ['', '{"schemaVersion":2', 'x'.repeat(index.bytes.length)]) {
      us.world.storages.us.publish(REPOSITORY, digest, Buffer.from(bytes));
      expect(digests(await list(us, app))).toEqual(sorted([own]));
    }
    for (const storage of Object.values(us.world.storages)) storage.lose(digest);
    expect(digests(await list(us, app))).toEqual(sorted([own]));
  });

  it('are read through a region that does not have the index yet', async () => {
    const world = newWorld();
    const us = await open(subject(), { world });
    const ap = await open(subject(), { world, region: 'ap' });
    const app = image('far-app');
    const old = image('far-old');
    await push(us, REPOSITORY, [], old);
    const index = indexOf([old.descriptor], { annotations: { of: 'far' } });
    await push(us, REPOSITORY, [tagOf(app)], index);
    world.storages.ap.lose(index.descriptor.digest);
    await until('ap lists it', async () => digests(await list(ap, app)).length > 0);
    expect(digests(await list(ap, app))).toEqual(sorted([old]));
  });

  it('make pages that stay below 4 MiB', async () => {
    const us = await open(subject());
    const app = image('long-app');
    const annotations = { text: 'x'.repeat(1_200_000) };
    const own = ['a', 'b', 'c'].map((seed) =>
      image(`long-${seed}`, { more: { subject: app.descriptor, annotations } }),
    );
    const old = [image('long-d'), image('long-e')];
    for (const one of [...own, ...old]) await push(us, REPOSITORY, [], one);
    const entries = old.map(({ descriptor }) => ({ ...descriptor, annotations }));
    await push(us, REPOSITORY, [tagOf(app)], indexOf(entries));
    const found: string[] = [];
    for (let more = true; more;) {
      const page = await list(us, app, { last: found.at(-1) ?? '' });
      expect(JSON.stringify(page).length).toBeLessThan(4 * 1024 * 1024);
      expect(page.referrers.every((referrer) => referrer.annotations['text']?.length === 1_200_000)).toBe(
        true,
      );
      found.push(...digests(page));
      more = page.more;
    }
    expect(found).toEqual(sorted([...own, ...old]));
  });
});
