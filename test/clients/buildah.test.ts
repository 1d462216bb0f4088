import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeBuildContext } from '#test/support/build-context.ts';
import type { RegionName } from '#test/support/cluster.ts';
import { clientSuite } from '#test/support/client-suite.ts';
import { buildahAvailable, containersStorage } from '#test/support/containers-storage.ts';

const PLAIN = '--tls-verify=false';

describe.skipIf(!buildahAvailable.usable)(`buildah across regions${buildahAvailable.leftOut}`, () => {
  const { registry, path, digestIn } = clientSuite('buildah');
  const image = (region: RegionName, name: string): string => `${registry(region)}/${name}`;
  const here = (...args: string[]): Promise<string> => containersStorage(path('here')).buildah(...args);
  /** Another machine, in another region. */
  const there = (...args: string[]): Promise<string> => containersStorage(path('there')).buildah(...args);
  beforeAll(() => writeBuildContext(path('context'), 'buildah', 1_000_000));

  it('commits a container and pushes it in one region; one built upon it is pushed in another', async () => {
    const container = (await here('from', 'scratch')).trim();
    await here('copy', container, path('context', 'content'), '/content');
    await here('commit', container, image('us', 'buildah/base:1.0'));
    await here('push', PLAIN, '--digestfile', path('base'), image('us', 'buildah/base:1.0'));
    expect(await digestIn('ap', 'buildah/base', '1.0')).toBe(await readFile(path('base'), 'utf8'));

    const upon = (await there('from', PLAIN, image('ap', 'buildah/base:1.0'))).trim();
    await there('config', '--label', 'upon=base', upon);
    await there('commit', upon, image('ap', 'buildah/derived:1.0'));
    await there('push', PLAIN, '--digestfile', path('derived'), image('ap', 'buildah/derived:1.0'));
    expect(await digestIn('us', 'buildah/derived', '1.0')).toBe(await readFile(path('derived'), 'utf8'));
  });

  it('finds in another region the layers that a build has cached in the registry', async () => {
    const cached = (run: typeof here, region: RegionName): Promise<string> => {
      const cache = image(region, 'buildah/cache');
      const options = ['--layers', '--cache-to', cache, '--cache-from', cache];
      return run('build', PLAIN, ...options, '--tag', image(region, 'buildah/built:1.0'), path('context'));
    };
    expect(await cached(here, 'us')).toContain('Pushing cache');
    const second = await cached(there, 'ap');
    expect(second).toContain('Cache pulled');
    expect(second).not.toContain('Pushing cache');
  });

  it('pushes a multi-architecture list with all its members', async () => {
    const list = image('us', 'buildah/multi:1.0');
    await here('manifest', 'create', list);
    for (const architecture of ['amd64', 'arm64']) {
      await here('build', '--arch', architecture, '--manifest', list, path('context'));
    }
    await here('manifest', 'push', PLAIN, '--all', '--digestfile', path('list'), list, `docker://${list}`);
    expect(await digestIn('eu', 'buildah/multi', '1.0')).toBe(await readFile(path('list'), 'utf8'));
    const pulled = await there('pull', '--quiet', PLAIN, '--arch', 'arm64', image('eu', 'buildah/multi:1.0'));
    const architecture = await there(
      'inspect',
      '--type',
      'image',
      '--format',
      '{{.OCIv1.Architecture}}',
      pulled.trim(),
    );
    expect(architecture.trim()).toBe('arm64');
  });
});
