import { afterAll, describe, expect, it } from 'vitest';
import { availability } from '#test/support/client-program.ts';
import type { RegionName } from '#test/support/cluster.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import { startContainerd, type Containerd } from '#test/support/containerd.ts';
import { writeImageLayout, writeIndexLayout } from '#test/support/oci-layout.ts';
import { push } from '#test/support/registry-client.ts';
import { startTcpProxy } from '#test/support/tcp-proxy.ts';

const MEGABYTE = 1024 * 1024;
const started = await startContainerd();
const { usable, leftOut } = availability('containerd', typeof started === 'string' ? started : undefined);

describe.skipIf(!usable)(`containerd across regions${leftOut}`, () => {
  const { ctr, stop } = started as Containerd;
  afterAll(() => stop());
  const { registry, port, path, digestIn, requests, blobsGot } = clientSuite('containerd');
  const image = (region: RegionName, name: string): string => `${registry(region)}/${name}`;

  it('pulls every platform of an index from another region, and pushes it on by mounts', async () => {
    const { digest } = await writeIndexLayout(path('index'), '1.0', ['amd64', 'arm64'], {
      layerBytes: [MEGABYTE, 2000],
      seed: 'containerd',
    });
    await push(registry('us'), 'containerd/app', '1.0', path('index'));
    await ctr('content', 'fetch', '--plain-http', '--all-platforms', image('ap', 'containerd/app:1.0'));
    await ctr('images', 'tag', image('ap', 'containerd/app:1.0'), image('eu', 'containerd/live/app:1.0'));
    await ctr('images', 'push', '--plain-http', image('eu', 'containerd/live/app:1.0'));
    expect(await digestIn('us', 'containerd/live/app', '1.0')).toBe(digest);
    // Each platform's config and two layers.
    await expect.poll(() => blobsGot('eu', 'containerd/live/app'), SOON).toEqual({ mounted: 6, uploaded: 0 });
  });

  it('pulls by digest and unpacks', async () => {
    const { digest } = await writeImageLayout(path('image'), '1.0', { layerBytes: [5000], seed: 'unpacked' });
    await push(registry('eu'), 'containerd/unpacked', '1.0', path('image'));
    const name = image('us', `containerd/unpacked@${digest}`);
    await ctr('images', 'pull', '--plain-http', '--snapshotter', 'native', name);
    expect(await ctr('images', 'list', '--quiet')).toContain(name);
  });

  it('takes up a pull that broke midway, where it broke', async () => {
    await writeImageLayout(path('large'), '1.0', { layerBytes: [12 * MEGABYTE], seed: 'large' });
    await push(registry('us'), 'containerd/large', '1.0', path('large'));
    const proxy = await startTcpProxy(port('ap'));
    proxy.cutAfter(() => (proxy.cuts() === 0 ? 6 * MEGABYTE : Infinity));
    const fetched = (): Promise<string> =>
      ctr('content', 'fetch', '--plain-http', `127.0.0.1:${proxy.port}/containerd/large:1.0`);
    // By how the connection ends, it goes on by itself or when it is told again.
    await fetched().catch(fetched);
    expect(proxy.cuts()).toBeGreaterThan(0);
    await proxy.close();
    await expect
      .poll(
        async () => (await requests('ap', 'containerd/large')).find(({ status }) => status === 206)?.bytesOut,
      )
      .toBeLessThan(12 * MEGABYTE);
  });
});
