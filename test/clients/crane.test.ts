import { beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '#test/support/client-program.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { writeIndexLayout } from '#test/support/oci-layout.ts';

const { usable, leftOut, run } = findClient('crane', ['version']);

describe.skipIf(!usable)(`crane across regions${leftOut}`, () => {
  const { registry, path, digestIn, blobsGot } = clientSuite('crane');
  const crane = (command: string, ...args: string[]): Promise<string> =>
    run([command, '--insecure', ...args]);
  const image = (region: RegionName, name: string): string => `${registry(region)}/crane/${name}`;
  let digest: string;
  beforeAll(async () => {
    const index = await writeIndexLayout(path('app'), '1.0', ['amd64', 'arm64'], {
      layerBytes: [1_000_000, 300],
      seed: 'crane',
    });
    digest = index.digest;
    await crane('push', '--index', path('app'), image('us', 'app:1.0'));
  });

  it('pushes an index in one region, and finds all of it valid in the others', async () => {
    // What it pushes is the layout's index, which names the one that was written.
    const pushed = await digestIn('us', 'crane/app', '1.0');
    for (const region of REGIONS) {
      expect((await crane('digest', image(region, 'app:1.0'))).trim()).toBe(pushed);
      await crane('validate', '--remote', image(region, `app@${digest}`));
    }
  });

  it('copies to a second repository of another region by mounts', async () => {
    await crane('copy', image('ap', `app@${digest}`), image('ap', 'live:1.0'));
    expect(await digestIn('eu', 'crane/live', '1.0')).toBe(digest);
    // Each platform's config and two layers.
    await expect.poll(() => blobsGot('ap', 'crane/live'), SOON).toEqual({ mounted: 6, uploaded: 0 });
  });

  it('deletes a tag in one region, and no other has it any longer', async () => {
    await crane('tag', image('us', `app@${digest}`), 'gone');
    await crane('delete', image('eu', 'app:gone'));
    for (const region of REGIONS) {
      await expect(crane('digest', image(region, 'app:gone'))).rejects.toThrow('404');
      expect(await digestIn(region, 'crane/app', digest)).toBe(digest);
    }
  });
});
