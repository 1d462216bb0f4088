import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { availability } from '#test/support/client-program.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import { startDockerEngine, type DockerEngine } from '#test/support/docker-engine.ts';
import { seededBytes } from '#test/support/oci-layout.ts';
import { tarOf } from '#test/support/tar.ts';
import { startTcpProxy } from '#test/support/tcp-proxy.ts';

const MEGABYTE = 1024 * 1024;
const started = await startDockerEngine();
const { usable, leftOut } = availability('docker', typeof started === 'string' ? started : undefined);

describe.skipIf(!usable)(`Docker's engine across regions${leftOut}`, () => {
  const { docker, stop } = started as DockerEngine;
  afterAll(() => stop());
  const { registry, port, path, digestIn, requests, blobsGot } = clientSuite('docker');
  const image = (region: RegionName, name: string): string => `${registry(region)}/${name}`;
  /** Makes an image of one layer; gives its id. */
  const importImage = async (seed: string, bytes: number): Promise<string> => {
    const layer = path(`${seed}.tar`);
    await pipeline(tarOf('content', bytes, seededBytes(seed, bytes)), createWriteStream(layer));
    return (await docker('import', layer)).trim();
  };
  const push = async (id: string, name: string): Promise<void> => {
    await docker('tag', id, name);
    await docker('push', '--quiet', name);
  };
  /** Without it, the engine would pull nothing. */
  const forget = (id: string): Promise<string> => docker('rmi', '--force', id);
  const idOf = async (name: string): Promise<string> =>
    (await docker('image', 'inspect', '--format', '{{.Id}}', name)).trim();

  it('pushes in one region, and pulls the same image from the others by tag and by digest', async () => {
    const id = await importImage('app', MEGABYTE);
    await push(id, image('us', 'docker/app:1.0'));
    const digest = await digestIn('eu', 'docker/app', '1.0');
    for (const region of REGIONS) {
      for (const name of [image(region, 'docker/app:1.0'), image(region, `docker/app@${digest}`)]) {
        await forget(id);
        await docker('pull', '--quiet', name);
        expect(await idOf(name)).toBe(id);
      }
    }
  });

  it('pushes to a second repository by mounting the layer, not by uploading it', async () => {
    const id = await importImage('mounted', MEGABYTE);
    await push(id, image('us', 'docker/mounted:1.0'));
    await push(id, image('us', 'docker/live/mounted:1.0'));
    // The config is uploaded: Docker never mounts it.
    await expect.poll(() => blobsGot('us', 'docker/live/mounted'), SOON).toEqual({ mounted: 1, uploaded: 1 });
    expect(await digestIn('ap', 'docker/live/mounted', '1.0')).toBe(
      await digestIn('us', 'docker/mounted', '1.0'),
    );
  });

  it('pushes a manifest list, and pulls its own member of it from another region', async () => {
    const list = image('us', 'docker/multi:1.0');
    const members = { amd64: await importImage('amd64', 1000), arm64: await importImage('arm64', 1000) };
    for (const [architecture, id] of Object.entries(members)) await push(id, `${list}-${architecture}`);
    await docker('manifest', 'create', '--insecure', list, `${list}-amd64`, `${list}-arm64`);
    const [own, other] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64'];
    await docker('manifest', 'annotate', list, `${list}-${other}`, '--arch', other, '--os', 'linux');
    const digest = (await docker('manifest', 'push', '--insecure', list)).trim();
    expect(await digestIn('ap', 'docker/multi', '1.0')).toBe(digest);
    for (const id of Object.values(members)) await forget(id);
    await docker('pull', '--quiet', image('ap', 'docker/multi:1.0'));
    expect(await idOf(image('ap', 'docker/multi:1.0'))).toBe(members[own as keyof typeof members]);
  });

  it('takes up a pull that broke midway, and a push', async () => {
    const id = await importImage('large', 6 * MEGABYTE);
    const broken = await startTcpProxy(port('us'));
    broken.cutRequestsAfter(() => (broken.cuts() === 0 ? 2 * MEGABYTE : Infinity));
    await push(id, `127.0.0.1:${broken.port}/docker/large:1.0`);
    expect(broken.cuts()).toBeGreaterThan(0);
    await broken.close();

    await forget(id);
    const breaking = await startTcpProxy(port('ap'));
    breaking.cutAfter(() => (breaking.cuts() === 0 ? 2 * MEGABYTE : Infinity));
    const name = `127.0.0.1:${breaking.port}/docker/large:1.0`;
    await docker('pull', '--quiet', name);
    expect(breaking.cuts()).toBeGreaterThan(0);
    await breaking.close();
    expect(await idOf(name)).toBe(id);
    // Only what was missing was sent.
    await expect
      .poll(async () => (await requests('ap', 'docker/large')).find(({ status }) => status === 206)?.bytesOut)
      .toBeLessThan(6 * MEGABYTE);
  });
});
