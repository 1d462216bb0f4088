import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestFrontend, type TestFrontend } from '#test/contract/frontend/harness.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { writeArtifactLayout, writeImageLayout, writeIndexLayout } from '#test/support/oci-layout.ts';
import { hasSkopeo, skopeo, skopeoLeftOut } from '#test/support/skopeo.ts';

describe.skipIf(!hasSkopeo)(`skopeo${skopeoLeftOut}`, () => {
  const regions = memoryRegions('us', 'eu');
  let dir: string;
  let us: TestFrontend;
  let eu: TestFrontend;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meridian-skopeo-'));
    us = await startTestFrontend(regions.us);
    eu = await startTestFrontend(regions.eu);
  });
  afterAll(async () => {
    await Promise.all([us.stop(), eu.stop()]);
    await rm(dir, { recursive: true, force: true });
    expect([...us.faults, ...eu.faults]).toEqual([]);
  });

  const push = (layout: string, repository: string): Promise<string> =>
    skopeo(
      'copy',
      '--all',
      '--dest-tls-verify=false',
      `oci:${layout}:1.0`,
      `docker://${us.address}/${repository}:1.0`,
    );
  const digestIn = async (registry: TestFrontend, repository: string): Promise<string> => {
    const answer = await registry.send('HEAD', `/v2/${repository}/manifests/1.0`);
    return String(answer.headers['docker-content-digest']);
  };

  it.each([
    [
      'an image of several layers',
      (to: string) => writeImageLayout(to, '1.0', { layerBytes: [3_000_000, 100, 700_000], seed: 'a' }),
    ],
    [
      'a multi-arch index',
      (to: string) => writeIndexLayout(to, '1.0', ['amd64', 'arm64'], { layerBytes: [200_000], seed: 'b' }),
    ],
    ['an artifact', (to: string) => writeArtifactLayout(to, '1.0', Buffer.from('a bill of materials'))],
  ])(
    'pushes %s in one region and pulls it from the other, bytes and digest the same',
    async (what, write) => {
      const name = what.replaceAll(/[^a-z]+/g, '-');
      const layout = join(dir, name);
      const { digest } = await write(layout);
      await push(layout, `team/${name}`);
      expect(await digestIn(us, `team/${name}`)).toBe(digest);

      const pulled = join(dir, `${name}-pulled`);
      await skopeo(
        'copy',
        '--all',
        '--src-tls-verify=false',
        `docker://${eu.address}/team/${name}:1.0`,
        `oci:${pulled}:1.0`,
      );
      const again = `team/${name}-again`;
      await push(pulled, again);
      expect(await digestIn(us, again)).toBe(digest);
    },
  );

  it('copies within the registry, lists, inspects and deletes', async () => {
    const layout = join(dir, 'app');
    const { digest } = await writeImageLayout(layout, '1.0', { layerBytes: [100_000], seed: 'c' });
    await push(layout, 'team/app');
    const both = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const from = `docker://${us.address}/team/app:1.0`;
    await skopeo('copy', ...both, from, `docker://${us.address}/team/app:stable`);
    await skopeo('copy', ...both, from, `docker://${us.address}/other/app:1.0`);
    const inRepository = `docker://${eu.address}/team/app`;
    const tags = JSON.parse(await skopeo('list-tags', '--tls-verify=false', inRepository)) as {
      Tags: string[];
    };
    expect(tags.Tags).toEqual(['1.0', 'stable']);
    const seen = await skopeo(
      'inspect',
      '--tls-verify=false',
      '--format',
      '{{.Digest}}',
      `${inRepository}@${digest}`,
    );
    expect(seen.trim()).toBe(digest);
    await skopeo('delete', '--tls-verify=false', `${inRepository}:1.0`);
    expect((await us.send('GET', '/v2/team/app/manifests/stable')).status).toBe(404);
    expect((await us.send('GET', '/v2/other/app/manifests/1.0')).status).toBe(200);
  });
});
