import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsFiles } from '#libs/tls/identity.ts';
import { makeCertificates } from '#test/support/certificates.ts';
import { greet } from '#test/support/grpc-greeting.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import {
  startRegionsElsewhere,
  type OtherProcess,
  type RegionsElsewhere,
} from '#test/support/regions-elsewhere.ts';
import { pull, push } from '#test/support/registry-client.ts';

const NAMES = ['us', 'eu', 'ap'] as const;
const soon = { timeout: 50_000, interval: 200 };

describe('an authority and all certificates between services and regions are replaced while they run', () => {
  let regions: RegionsElsewhere;
  /** What the processes of us look at, what was there, and what comes. */
  let [live, old, fresh]: readonly TlsFiles[] = [];
  const copies = (folder: string, region: string): TlsFiles => {
    const dir = join(regions.scratch, folder, region);
    return { ca: join(dir, 'ca.pem'), cert: join(dir, 'region.pem'), key: join(dir, 'region.key') };
  };
  const places = (): string[] => Object.values(regions.us.addresses);
  const roundTrip = async (tag: string): Promise<void> => {
    const dir = join(regions.scratch, `image-${tag}`);
    await writeImageLayout(dir, '1.0', { layerBytes: [200_000, 17], seed: tag });
    await expect
      .poll(
        () => push(regions.registries.us, 'team/renewed', tag, dir).then(({ status }) => status, String),
        soon,
      )
      .toBe(201);
    for (const registry of [regions.registries.eu, regions.registries.ap])
      await pull(registry, 'team/renewed', tag);
  };

  beforeAll(async () => {
    regions = await startRegionsElsewhere({ secured: true });
    makeCertificates(join(regions.scratch, 'fresh'), NAMES);
    for (const region of NAMES) {
      const [now, kept] = [copies('certificates', region), copies('old', region)];
      makeCertificates(join(regions.scratch, 'old'), [region]);
      for (const file of ['ca', 'cert', 'key'] as const) copyFileSync(now[file], kept[file]);
    }
    [live, old, fresh] = ['certificates', 'old', 'fresh'].map((folder) => copies(folder, 'us'));
  });
  afterAll(() => regions.stop());

  it('first everyone believes both authorities and shows what the new one has signed', async () => {
    await roundTrip('before');
    for (const region of NAMES) {
      const [now, next] = [copies('certificates', region), copies('fresh', region)];
      writeFileSync(now.ca, Buffer.concat([readFileSync(now.ca), readFileSync(next.ca)]));
      copyFileSync(next.key, now.key);
      copyFileSync(next.cert, now.cert);
    }
    if (live === undefined || old === undefined || fresh === undefined)
      throw new Error('Nothing was copied.');
    const serial = new X509Certificate(readFileSync(fresh.cert)).serialNumber;
    for (const place of places()) {
      await expect.poll(() => greet(place, fresh?.ca ?? '', fresh), soon).toBe(serial);
      expect(await greet(place, live.ca, old), place).toBe(serial);
    }
    await roundTrip('both');
  });

  it('then the old authority is believed no longer', async () => {
    for (const region of NAMES) copyFileSync(copies('fresh', region).ca, copies('certificates', region).ca);
    for (const place of places()) {
      await expect.poll(() => greet(place, fresh?.ca ?? '', old), soon).toBeUndefined();
      expect(await greet(place, fresh?.ca ?? '', fresh), place).toBeDefined();
    }
  });

  it('and processes that were not restarted connect anew to those that were', async () => {
    const again = async (other: OtherProcess): Promise<void> => {
      await other.kill();
      await other.start();
    };
    await again(regions.coordinator);
    await Promise.all([again(regions.others.eu), again(regions.others.ap)]);
    await roundTrip('after');
  }, 180_000);
});
