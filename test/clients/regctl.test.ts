import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '#test/support/client-program.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { writeIndexLayout } from '#test/support/oci-layout.ts';

const { usable, leftOut, run } = findClient('regctl', ['version']);

describe.skipIf(!usable)(`regctl across regions${leftOut}`, () => {
  const { registry, path, digestIn } = clientSuite('regctl');
  const regctl = (...args: string[]): Promise<string> => {
    const plain = REGIONS.flatMap((region) => ['--host', `reg=${registry(region)},tls=disabled`]);
    return run([...plain, ...args], { env: { REGCTL_CONFIG: path('config.json') }, cwd: path() });
  };
  const image = (region: RegionName, name: string): string => `${registry(region)}/regctl/${name}`;
  let digest: string;
  beforeAll(async () => {
    const index = await writeIndexLayout(path('app'), '1.0', ['amd64', 'arm64'], {
      layerBytes: [3_000_000, 300],
      seed: 'regctl',
    });
    digest = index.digest;
    await regctl('image', 'copy', `ocidir://${path('app')}:1.0`, image('us', 'app:1.0'));
    await writeFile(path('sbom.json'), '{"packages":[]}');
    const about = ['--subject', image('eu', 'app:1.0'), '--artifact-type', 'application/vnd.example.sbom.v1'];
    await regctl('artifact', 'put', ...about, '--file', path('sbom.json'));
  });

  it('pushes an index in one region, and reads the same from the others', async () => {
    for (const region of REGIONS) {
      expect((await regctl('image', 'digest', image(region, 'app:1.0'))).trim()).toBe(digest);
    }
  });

  it('copies an image with its referrers to a second repository of another region', async () => {
    await regctl('image', 'copy', '--referrers', image('ap', 'app:1.0'), image('us', 'live:1.0'));
    expect(await digestIn('eu', 'regctl/live', '1.0')).toBe(digest);
    await expect
      .poll(() => regctl('artifact', 'list', image('eu', 'live:1.0')), SOON)
      .toContain('application/vnd.example.sbom.v1');
  });

  it('deletes a tag in one region, and the others list the rest', async () => {
    await regctl('image', 'copy', image('us', 'app:1.0'), image('us', 'app:2.0'));
    await regctl('tag', 'delete', image('ap', 'app:1.0'));
    for (const region of REGIONS) {
      await expect
        .poll(async () => (await regctl('tag', 'ls', image(region, 'app'))).trim(), SOON)
        .toBe('2.0');
    }
  });
});
