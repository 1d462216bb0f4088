import { expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, deleteManifest, deleteTag, listTags, resolve } from './asks.ts';
import { image, publish, push } from './images.ts';
import { newWorld, openRegion, type TestRegion } from './regions.ts';

const PROMOTERS = 6;
const ROUNDS = 4;

async function openTwo({ client }: Subject): Promise<[TestRegion, TestRegion]> {
  const world = newWorld();
  const us = await openRegion({ etcd: client, client, world });
  return [us, await openRegion({ etcd: client, client, world, region: 'eu' })];
}

/** Runs all at once; gives the indexes of those that succeeded. The others must have failed by their condition. */
async function winners(attempts: Promise<unknown>[]): Promise<number[]> {
  const outcomes = await Promise.allSettled(attempts);
  return outcomes.flatMap((outcome, i) => {
    if (outcome.status === 'fulfilled') return [i];
    expect(outcome.reason).toBeInstanceOf(RegistryError);
    expect((outcome.reason as RegistryError).code).toBe('PRECONDITION_FAILED');
    return [];
  });
}

describeStores((subject) => {
  it('lets exactly one of many promoters in two regions move a tag on, each round', async () => {
    const regions = await openTwo(subject());
    const images = Array.from({ length: PROMOTERS }, (_, i) => image(`promote-${i}`));
    for (const [i, candidate] of images.entries())
      await push(regionOf(regions, i), 'promote/app', [], candidate);
    /** Each sets the tag to another image, those but the present one; gives the digest that the tag has then. */
    const promote = async (current: string, condition: { ifMatch: string } | { ifNoneMatch: string }) => {
      const candidates = images.filter(({ descriptor }) => descriptor.digest !== current);
      const attempts = candidates.map((candidate, i) =>
        publish(regionOf(regions, i), 'promote/app', ['live'], candidate, condition),
      );
      const [winner, ...others] = await winners(attempts);
      expect(others).toEqual([]);
      return candidates[winner ?? -1]?.descriptor.digest ?? 'nobody won';
    };
    let current = await promote('', { ifNoneMatch: '*' });
    for (let round = 0; round < ROUNDS; round++) {
      current = await promote(current, { ifMatch: current });
      for (const region of regions) {
        const { manifest } = await resolve(region, 'promote/app', 'live', strong);
        expect(manifest?.digest).toBe(current);
      }
    }
  });

  it('lets exactly one of many remove a tag, and none of those that expect another digest', async () => {
    const [us, eu] = await openTwo(subject());
    const app = image('remove-once');
    await push(us, 'promote/remove', ['1'], app);
    const other = image('remove-other').descriptor.digest;
    expect(await codeOf(deleteTag(eu, 'promote/remove', '1', other))).toBe('PRECONDITION_FAILED');
    const attempts = [us, eu, us, eu].map((region) =>
      deleteTag(region, 'promote/remove', '1', app.descriptor.digest),
    );
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('removes a manifest by digest only if that is the digest expected', async () => {
    const [us] = await openTwo(subject());
    const [app, other] = [image('by-digest'), image('by-digest-other')];
    const { digest } = app.descriptor;
    await push(us, 'promote/digest', ['1'], app);
    const wrong = deleteManifest(us, 'promote/digest', digest, other.descriptor.digest);
    expect(await codeOf(wrong)).toBe('PRECONDITION_FAILED');
    expect((await listTags(us, 'promote/digest')).names).toEqual(['1']);
    await deleteManifest(us, 'promote/digest', digest, digest);
    expect(await codeOf(deleteManifest(us, 'promote/digest', digest, digest))).toBe('MANIFEST_UNKNOWN');
  });
});

const strong = { strong: true, catalogId: '', minRevision: 0 };

function regionOf(regions: readonly TestRegion[], i: number): TestRegion {
  const region = regions[i % regions.length];
  if (region === undefined) throw new Error('there are two');
  return region;
}
