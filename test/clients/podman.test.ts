import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeBuildContext } from '#test/support/build-context.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import { containersStorage, podmanAvailable } from '#test/support/containers-storage.ts';

const PLAIN = '--tls-verify=false';

describe.skipIf(!podmanAvailable.usable)(`podman across regions${podmanAvailable.leftOut}`, () => {
  const { registry, path, digestIn, blobsGot } = clientSuite('podman');
  const image = (region: RegionName, name: string): string => `${registry(region)}/${name}`;
  const here = (...args: string[]): Promise<string> => containersStorage(path('here')).podman(...args);
  /** Another machine, in another region. */
  const there = (...args: string[]): Promise<string> => containersStorage(path('there')).podman(...args);
  let digest: string;
  let id: string;
  beforeAll(async () => {
    await writeBuildContext(path('context'), 'podman', 1_000_000);
    const built = await here('build', '--quiet', '--tag', image('us', 'podman/app:1.0'), path('context'));
    id = built.trim();
    await here('push', PLAIN, '--digestfile', path('digest'), image('us', 'podman/app:1.0'));
    digest = await readFile(path('digest'), 'utf8');
  });

  it('builds and pushes in one region, and pulls from the others by tag and by digest', async () => {
    for (const region of REGIONS) {
      expect(await digestIn(region, 'podman/app', '1.0')).toBe(digest);
      for (const reference of [':1.0', `@${digest}`]) {
        const pulled = await there('pull', '--quiet', PLAIN, image(region, `podman/app${reference}`));
        expect(pulled.trim()).toBe(id);
        await there('rmi', '--force', id);
      }
    }
  });

  it('pushes to a second repository by mounting the layer, not by uploading it', async () => {
    await here('push', PLAIN, id, `docker://${image('us', 'podman/live/app:1.0')}`);
    await expect.poll(() => blobsGot('us', 'podman/live/app'), SOON).toEqual({ mounted: 1, uploaded: 1 });
    expect(await digestIn('ap', 'podman/live/app', '1.0')).toBe(digest);
  });

  it('makes a multi-architecture list of an image, and another region gives the right member of it', async () => {
    await there('manifest', 'create', 'list');
    const member = `docker://${image('eu', `podman/app@${digest}`)}`;
    await there('manifest', 'add', PLAIN, '--arch', 'arm64', 'list', member);
    await there('manifest', 'add', PLAIN, '--arch', 's390x', 'list', member);
    const list = `docker://${image('eu', 'podman/multi:1.0')}`;
    await there('manifest', 'push', PLAIN, '--all', '--digestfile', path('list'), 'list', list);
    expect(await digestIn('us', 'podman/multi', '1.0')).toBe(await readFile(path('list'), 'utf8'));
    const name = image('ap', 'podman/multi:1.0');
    expect((await there('pull', '--quiet', PLAIN, '--arch', 's390x', name)).trim()).toBe(id);
    await expect(there('pull', '--quiet', PLAIN, '--arch', 'ppc64le', name)).rejects.toThrow('ppc64le');
  });

  it('lists the tags of a repository and searches the catalog of another region', async () => {
    await here('push', PLAIN, image('us', 'podman/app:1.0'), `docker://${image('us', 'podman/app:stable')}`);
    const listing = ['search', PLAIN, '--list-tags', '--format', 'json', image('ap', 'podman/app')];
    // Lists may be behind by a moment.
    await expect
      .poll(async () => JSON.parse(await there(...listing)) as unknown, SOON)
      .toEqual([{ Name: image('ap', 'podman/app'), Tags: ['1.0', 'stable'] }]);
    const found = await there('search', PLAIN, '--format', '{{.Name}}', image('eu', 'podman/app'));
    expect(found.trim()).toBe(image('eu', 'podman/app'));
  });
});
