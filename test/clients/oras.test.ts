import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '#test/support/client-program.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';

const { usable, leftOut, run } = findClient('oras', ['version']);
const PLAIN = '--plain-http';
const SBOM = 'application/vnd.example.sbom.v1';
const SIGNATURE = 'application/vnd.example.signature.v1';

interface Discovered {
  readonly manifests?: { readonly digest: string; readonly artifactType: string }[];
  readonly referrers?: { readonly digest: string; readonly artifactType: string }[];
}

describe.skipIf(!usable)(`oras across regions${leftOut}`, () => {
  const { registry, path, digestIn } = clientSuite('oras');
  const oras = (...args: string[]): Promise<string> => run(args, { cwd: path() });
  const artifact = (region: RegionName, name: string): string => `${registry(region)}/${name}`;
  const referrers = async (name: string, ...options: string[]): Promise<string[]> => {
    const found = JSON.parse(
      await oras('discover', PLAIN, '--format', 'json', ...options, name),
    ) as Discovered;
    return (found.referrers ?? found.manifests ?? []).map(({ artifactType }) => artifactType).toSorted();
  };
  let digest: string;
  beforeAll(async () => {
    await writeFile(path('notes.txt'), 'what is new\n');
    await writeFile(path('sbom.json'), '{"packages":[]}');
    await writeFile(path('signature.txt'), 'signed');
    const pushed = artifact('us', 'oras/notes:1.0');
    await oras(
      'push',
      PLAIN,
      '--artifact-type',
      'application/vnd.example.notes',
      pushed,
      'notes.txt:text/plain',
    );
    digest = await digestIn('us', 'oras/notes', '1.0');
    await oras('attach', PLAIN, '--artifact-type', SBOM, pushed, 'sbom.json:application/json');
    // In another region, at once.
    const elsewhere = artifact('eu', 'oras/notes:1.0');
    await oras('attach', PLAIN, '--artifact-type', SIGNATURE, elsewhere, 'signature.txt:text/plain');
  });

  it('pulls from each region what was pushed in one, with the same digest', async () => {
    for (const region of REGIONS) {
      await mkdir(path(region));
      await oras('pull', PLAIN, '--output', path(region), artifact(region, 'oras/notes:1.0'));
      expect(await readFile(path(region, 'notes.txt'), 'utf8')).toBe('what is new\n');
      expect((await oras('resolve', PLAIN, artifact(region, 'oras/notes:1.0'))).trim()).toBe(digest);
    }
  });

  it('discovers in each region what was attached in two, filtered by type if asked', async () => {
    for (const region of REGIONS) {
      const name = artifact(region, 'oras/notes:1.0');
      await expect.poll(() => referrers(name), SOON).toEqual([SBOM, SIGNATURE]);
      expect(await referrers(name, '--artifact-type', SBOM)).toEqual([SBOM]);
    }
  });

  it('copies an artifact with all its referrers to another repository of another region', async () => {
    const [from, to] = [artifact('ap', 'oras/notes:1.0'), artifact('eu', 'oras/live/notes:1.0')];
    await oras('copy', '--recursive', '--from-plain-http', '--to-plain-http', from, to);
    expect(await digestIn('us', 'oras/live/notes', '1.0')).toBe(digest);
    await expect
      .poll(() => referrers(artifact('us', 'oras/live/notes:1.0')), SOON)
      .toEqual([SBOM, SIGNATURE]);
  });

  it('tags in one region, and lists tags and repositories in another', async () => {
    await oras('tag', PLAIN, artifact('us', 'oras/notes:1.0'), 'stable', 'latest');
    const tags = async (): Promise<string[]> =>
      (await oras('repo', 'tags', PLAIN, artifact('ap', 'oras/notes'))).trim().split('\n');
    // Lists may be behind by a moment.
    await expect.poll(tags, SOON).toEqual(['1.0', 'latest', 'stable']);
    expect((await oras('repo', 'ls', PLAIN, registry('eu'))).split('\n')).toContain('oras/notes');
  });

  it('deletes a manifest, in all regions at once', async () => {
    await oras('push', PLAIN, artifact('us', 'oras/deleted:1.0'), 'notes.txt:text/plain');
    await oras('manifest', 'delete', '--force', PLAIN, artifact('ap', 'oras/deleted:1.0'));
    for (const region of REGIONS) {
      const fetched = oras('manifest', 'fetch', PLAIN, artifact(region, 'oras/deleted:1.0'));
      await expect(fetched).rejects.toThrow('not found');
    }
  });

  it('pushes a blob alone, fetches it from another region, and deletes it in a third', async () => {
    await oras('blob', 'push', PLAIN, artifact('us', 'oras/blobs'), 'sbom.json');
    const sha256 = createHash('sha256').update('{"packages":[]}').digest('hex');
    const blob = artifact('ap', `oras/blobs@sha256:${sha256}`);
    expect(await oras('blob', 'fetch', PLAIN, '--output', '-', blob)).toBe('{"packages":[]}');
    await oras('blob', 'delete', '--force', PLAIN, artifact('eu', `oras/blobs@sha256:${sha256}`));
    await expect(oras('blob', 'fetch', PLAIN, '--output', '-', blob)).rejects.toThrow('not found');
  });
});
