import { expect, vi } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { rootOf } from '#test/support/content.ts';
import { filesWith } from '#test/support/marked-content.ts';
import { pull, send } from '#test/support/registry-client.ts';
import { eventually } from './eventually.ts';
import { place, type Placeable } from './move-placements.ts';
import { holdsBlob } from './region-files.ts';
import type { Family, PlacedWork } from './placed-workload.ts';

export interface PlacedRegion {
  readonly name: string;
  readonly registry: string;
  readonly dataDir: string;
}

/** Where a family's content is to be in the end, and what says so. */
export interface LastPlace {
  readonly family: Family;
  readonly placeables: readonly Placeable[];
  readonly regions: readonly string[];
}

/** Content is copied, pins end, and collections come round. */
const SETTLES = { timeout: 120_000, interval: 500 };

/**
 * Places everything for the last time and waits until nothing is left where it must not be. Then all that was acknowledged must be whole in each
 * region where it is to be, and refused in the others.
 */
export async function lookWherePlaced(
  regions: readonly PlacedRegion[],
  places: readonly LastPlace[],
  { acknowledged, wrong }: PlacedWork,
): Promise<void> {
  const [{ registry }] = regions as [PlacedRegion];
  for (const { placeables, regions: last } of places) {
    for (const placeable of placeables) await eventually(() => place(registry, placeable, last));
  }
  for (const { family, regions: last } of places) {
    for (const region of regions.filter(({ name }) => !last.includes(name))) {
      const left = async (): Promise<string[]> => filesWith(region.dataDir, family.marker);
      await vi.waitFor(
        async () => expect([family.repositories, await left()]).toEqual([family.repositories, []]),
        SETTLES,
      );
    }
  }
  expect(wrong).toEqual([]);
  for (const { family, repository, image } of acknowledged) {
    const last = places.find((one) => one.family === family)?.regions ?? [];
    const root = rootOf(image);
    for (const region of regions) {
      if (last.includes(region.name)) {
        await eventually(() => pull(region.registry, repository, root.digest));
      } else {
        const { status } = await eventually(() =>
          send(region.registry, 'GET', `/v2/${repository}/manifests/${root.digest}`),
        );
        expect([region.name, repository, status]).toEqual([region.name, repository, 403]);
        expect(await filesWith(region.dataDir, family.marker)).toEqual([]);
      }
    }
  }
  const held = async (): Promise<void> => {
    for (const { family, image } of acknowledged) {
      const last = places.find((one) => one.family === family)?.regions ?? [];
      for (const region of regions.filter(({ name }) => last.includes(name))) {
        for (const { bytes } of [...image.blobs, ...image.manifests]) {
          const digest = digestOf(bytes);
          expect([region.name, digest, await holdsBlob(region, digest)]).toEqual([region.name, digest, true]);
        }
      }
    }
  };
  await vi.waitFor(held, SETTLES);
}
