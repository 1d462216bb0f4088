import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import {
  verifyLayout,
  writeArtifactLayout,
  writeImageLayout,
  writeIndexLayout,
} from '#test/support/oci-layout.ts';
import { hasSkopeo, skopeo } from '#test/support/skopeo.ts';

const MEGABYTE = 1024 * 1024;
const leftOut = hasSkopeo ? '' : ' (left out: no skopeo on the PATH)';

describe.skipIf(!hasSkopeo)(`skopeo across regions${leftOut}`, () => {
  let cluster: TestCluster;
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-skopeo-'));
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster.dispose();
    await rm(scratch, { recursive: true, force: true });
  });

  const image = (region: RegionName, name: string): string =>
    `docker://${cluster.registry(region)}/team/${name}:1.0`;
  const push = (layout: string, to: string): Promise<string> =>
    skopeo('copy', '--all', '--dest-tls-verify=false', `oci:${layout}:1.0`, to);
  const pull = (from: string, layout: string): Promise<string> =>
    skopeo('copy', '--all', '--src-tls-verify=false', from, `oci:${layout}:1.0`);

  it.each([
    [
      'an image of many layers',
      (dir: string) =>
        writeImageLayout(dir, '1.0', {
          layerBytes: [40 * MEGABYTE, ...Array.from({ length: 30 }, (_, i) => 100 + i * 50_000)],
          seed: 'many',
        }),
    ],
    [
      'a multi-architecture index',
      (dir: string) =>
        writeIndexLayout(dir, '1.0', ['amd64', 'arm64', 's390x'], {
          layerBytes: [MEGABYTE, 7],
          seed: 'index',
        }),
    ],
    ['an artifact', (dir: string) => writeArtifactLayout(dir, '1.0', Buffer.from('{"packages":[]}'))],
  ])(
    'pushes %s in one region and pulls it from the others at once, whole and with its digest',
    async (what, write) => {
      const name = what.replaceAll(/[^a-z]+/g, '-');
      const source = join(scratch, name);
      const { digest } = await write(source);
      const { blobs } = await verifyLayout(source);
      await push(source, image('us', name));
      for (const region of REGIONS.filter((other) => other !== 'us')) {
        const pulled = join(scratch, `${name}-from-${region}`);
        await pull(image(region, name), pulled);
        expect(await verifyLayout(pulled)).toEqual({ digest, blobs });
      }
    },
  );

  it('copies between regions of the one registry, and sees the tags of all in each', async () => {
    const source = join(scratch, 'copied');
    await writeImageLayout(source, '1.0', { layerBytes: [MEGABYTE], seed: 'copied' });
    await push(source, image('eu', 'copied'));
    const both = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const other = `docker://${cluster.registry('ap')}/team/copied:2.0`;
    await skopeo('copy', ...both, image('us', 'copied'), other);
    for (const region of REGIONS) {
      const repository = `docker://${cluster.registry(region)}/team/copied`;
      const listed = JSON.parse(await skopeo('list-tags', '--tls-verify=false', repository)) as {
        Tags: string[];
      };
      expect(listed.Tags).toContain('1.0');
      const inspected = await skopeo('inspect', '--tls-verify=false', `${repository}:2.0`);
      expect(JSON.parse(inspected)).toMatchObject({ Name: `${cluster.registry(region)}/team/copied` });
    }
  });
});
