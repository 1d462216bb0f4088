import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { DOCKER_MANIFEST } from '#libs/oci/mediatype.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import {
  verifyLayout,
  writeArtifactLayout,
  writeImageLayout,
  writeIndexLayout,
} from '#test/support/oci-layout.ts';
import { send } from '#test/support/registry-client.ts';
import { hasSkopeo, skopeo, skopeoLeftOut } from '#test/support/skopeo.ts';

const MEGABYTE = 1024 * 1024;
const BOTH = ['--src-tls-verify=false', '--dest-tls-verify=false'];

describe.skipIf(!hasSkopeo)(`skopeo across regions${skopeoLeftOut}`, () => {
  const { registry, path, digestIn, blobsGot } = clientSuite('skopeo');
  const image = (region: RegionName, repository: string, reference = ':1.0'): string =>
    `docker://${registry(region)}/${repository}${reference}`;
  const push = (layout: string, to: string): Promise<string> =>
    skopeo('copy', '--all', '--dest-tls-verify=false', `oci:${layout}:1.0`, to);
  const pull = (from: string, layout: string): Promise<string> =>
    skopeo('copy', '--all', '--src-tls-verify=false', from, `oci:${layout}:1.0`);

  it.each([
    [
      'an image of many layers',
      (dir: string) =>
        writeImageLayout(dir, '1.0', {
          layerBytes: [16 * MEGABYTE, ...Array.from({ length: 30 }, (_, i) => 100 + i * 10_000)],
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
      const source = path(name);
      const { digest } = await write(source);
      const { blobs } = await verifyLayout(source);
      await push(source, image('us', `skopeo/${name}`));
      for (const region of REGIONS.filter((other) => other !== 'us')) {
        const pulled = path(`${name}-from-${region}`);
        await pull(image(region, `skopeo/${name}`), pulled);
        expect(await verifyLayout(pulled)).toEqual({ digest, blobs });
      }
    },
  );

  it('copies between regions of the one registry, and sees the tags of all in each', async () => {
    const source = path('copied');
    await writeImageLayout(source, '1.0', { layerBytes: [MEGABYTE], seed: 'copied' });
    await push(source, image('eu', 'skopeo/copied'));
    await skopeo('copy', ...BOTH, image('us', 'skopeo/copied'), image('ap', 'skopeo/copied', ':2.0'));
    for (const region of REGIONS) {
      const repository = image(region, 'skopeo/copied', '');
      const tags = async (): Promise<string[]> =>
        (JSON.parse(await skopeo('list-tags', '--tls-verify=false', repository)) as { Tags: string[] }).Tags;
      // Lists may be behind by a moment.
      await expect.poll(tags, SOON).toEqual(['1.0', '2.0']);
      const inspected = await skopeo('inspect', '--tls-verify=false', `${repository}:2.0`);
      expect(JSON.parse(inspected)).toMatchObject({ Name: `${registry(region)}/skopeo/copied` });
    }
  });

  it('copies an index by digest into another repository of another region, digests preserved', async () => {
    const source = path('promoted');
    const { digest } = await writeIndexLayout(source, '1.0', ['amd64', 'arm64'], {
      layerBytes: [MEGABYTE],
      seed: 'promoted',
    });
    await push(source, image('us', 'skopeo/promoted'));
    const from = image('ap', 'skopeo/promoted', `@${digest}`);
    await skopeo('copy', '--all', '--preserve-digests', ...BOTH, from, image('eu', 'skopeo/live/promoted'));
    expect(await digestIn('us', 'skopeo/live/promoted', '1.0')).toBe(digest);
    await pull(image('us', 'skopeo/live/promoted'), path('promoted-pulled'));
    expect(await verifyLayout(path('promoted-pulled'))).toEqual(await verifyLayout(source));
  });

  it('copies within a registry by mounts: no layer is uploaded again', async () => {
    const source = path('mounted');
    await writeImageLayout(source, '1.0', { layerBytes: [MEGABYTE, 300, 40_000], seed: 'mounted' });
    await push(source, image('us', 'skopeo/mounted'));
    await skopeo('copy', ...BOTH, image('us', 'skopeo/mounted'), image('us', 'skopeo/live/mounted'));
    const got = async (): Promise<boolean> => {
      const { mounted, uploaded } = await blobsGot('us', 'skopeo/live/mounted');
      // Some versions mount the config as well.
      return mounted >= 3 && mounted + uploaded === 4;
    };
    await expect.poll(got, SOON).toBe(true);
  });

  it('converts to the Docker format, and the other regions give what was pushed, byte for byte', async () => {
    const source = path('docker-format');
    await writeImageLayout(source, '1.0', { layerBytes: [5000], seed: 'docker-format' });
    const manifest = path('docker-format-digest');
    const asDocker = ['--format', 'v2s2', '--digestfile', manifest, '--dest-tls-verify=false'];
    await skopeo('copy', ...asDocker, `oci:${source}:1.0`, image('us', 'skopeo/docker-format'));
    const digest = await readFile(manifest, 'utf8');
    for (const region of REGIONS) {
      const answer = await send(registry(region), 'GET', '/v2/skopeo/docker-format/manifests/1.0');
      expect(answer.headers).toMatchObject({
        'docker-content-digest': digest,
        'content-type': DOCKER_MANIFEST,
      });
      const raw = await skopeo(
        'inspect',
        '--raw',
        '--tls-verify=false',
        image(region, 'skopeo/docker-format', `@${digest}`),
      );
      expect(raw).toBe(answer.body.toString());
    }
  });

  it('deletes an image with all its tags, everywhere at once', async () => {
    const source = path('deleted');
    await writeImageLayout(source, '1.0', { layerBytes: [5000], seed: 'deleted' });
    await push(source, image('us', 'skopeo/deleted'));
    await skopeo('copy', ...BOTH, image('us', 'skopeo/deleted'), image('us', 'skopeo/deleted', ':stable'));
    await skopeo('delete', '--tls-verify=false', image('ap', 'skopeo/deleted'));
    for (const region of REGIONS) {
      for (const tag of ['1.0', 'stable']) {
        const inspected = skopeo('inspect', '--tls-verify=false', image(region, 'skopeo/deleted', `:${tag}`));
        await expect(inspected).rejects.toThrow('manifest unknown');
      }
    }
  });
});
