import { describe, expect, it } from 'vitest';
import { narrow } from '#services/replication/summaries/narrow.ts';
import { ownLack } from '#services/replication/summaries/own-lack.ts';
import { blob, regions, type Wanted } from '#test/support/compared-regions.ts';

const { signal } = new AbortController();

describe('comparing another region with the catalog', () => {
  it('takes one question and an empty answer where it holds all, whatever else it holds', async () => {
    const us = regions(20);
    us.holds(blob('not wanted'));
    expect(await us.compare()).toMatchObject({ blobs: 0, bytes: 0, each: [] });
    us.questions.length = 0;
    expect(await us.compare()).toMatchObject({ blobs: 0 });
    us.loses(blob('not wanted'));
    expect(await us.compare()).toMatchObject({ blobs: 0 });
    const emptyAnswer = ['summarize', 0];
    expect(us.questions).toEqual([emptyAnswer, emptyAnswer]);
  });

  it('finds each blob that it has lost, and the one that has another size', async () => {
    const us = regions(50);
    await us.compare();
    const [gone, short] = us.wanted as [Wanted, Wanted];
    us.loses(gone);
    us.store.publish('', short.digest, short.bytes.subarray(1));
    const lack = await us.compare();
    expect(lack.each?.map(({ digest }) => digest).toSorted()).toEqual([gone.digest, short.digest].toSorted());
    expect(lack).toMatchObject({ blobs: 2, bytes: gone.size + short.size });
    us.holds(gone);
    us.holds(short);
    expect(await us.compare()).toMatchObject({ blobs: 0 });
  });

  it('follows what the catalog wants', async () => {
    const us = regions(5);
    await us.compare();
    const [fresh] = us.want(blob('fresh'));
    expect((await us.compare()).each).toMatchObject([{ digest: fresh?.digest }]);
    us.holds(blob('fresh'));
    expect(await us.compare()).toMatchObject({ blobs: 0 });
    us.loses(blob('fresh'));
    expect(await us.compare()).toMatchObject({ blobs: 1 });
    us.wantNoLonger('fresh');
    expect(await us.compare()).toMatchObject({ blobs: 0 });
  });

  it('counts for held what the other region holds and does not know yet to be wanted', async () => {
    const us = regions(5);
    await us.compare();
    us.holds(blob('fresh'));
    us.own.want(blob('fresh'));
    expect(await us.compare()).toMatchObject({ blobs: 0 });
    us.loses(blob('fresh'));
    us.their.want(blob('fresh'));
    expect(await us.compare()).toMatchObject({ blobs: 1 });
  });

  it.each(['listKept', 'stat'])('finds out what was there only while %s was answered', async (question) => {
    const us = regions(10);
    await us.compare();
    const [gone] = us.wanted as [Wanted];
    us.loses(gone);
    us.heldDuring.set(question, gone);
    expect(await us.compare()).toMatchObject({ blobs: 0 });
    us.heldDuring.clear();
    expect(await us.compare()).toMatchObject({ blobs: 1 });
    us.questions.length = 0;
    await us.compare();
    expect(us.questions).toEqual([['summarize', 0]]);
  });

  it('goes on where a question failed', async () => {
    const us = regions(10);
    await us.compare();
    const [gone] = us.wanted as [Wanted];
    us.loses(gone);
    us.failing.add('listKept');
    await expect(us.compare()).rejects.toThrow('away');
    us.failing.delete('listKept');
    expect(await us.compare()).toMatchObject({ blobs: 1 });
  });

  it('counts what a region lacks that has nearly nothing, without asking for each blob', async () => {
    const us = regions(2_000, 0);
    expect(await us.compare()).toEqual({
      blobs: 2_000,
      bytes: us.wanted.reduce((sum, { size }) => sum + size, 0),
      each: undefined,
    });
    expect(us.questions.map(([name]) => name)).not.toContain('listKept');
  });
});

describe('a look at what is missing here', () => {
  it('is narrowed to where something is, with manifests first', async () => {
    const us = regions(100);
    const manifest = { ...blob('manifest'), kind: 'manifest' as const };
    const layer = { ...blob('layer'), kind: 'layer' as const };
    us.want(layer, manifest);
    const found = await narrow(us.kept, signal);
    const missing = new Set<string>([manifest.digest, layer.digest]);
    const doubtful = found?.doubtful.filter(({ digest }) => missing.has(digest)) ?? [];
    expect(doubtful.map(({ kind }) => kind)).toEqual(['manifest', 'layer']);
    expect(found?.doubtful.length).toBeLessThan(20);
    expect(found?.wanted).toMatchObject({ blobs: 102, manifests: 1 });
    expect((await ownLack(us.kept, signal)).each?.map(({ digest }) => digest).toSorted()).toEqual(
      [...missing].toSorted(),
    );
  });

  it('is not where nearly everything is missing', async () => {
    expect(await narrow(regions(10_000, 0).kept, signal)).toBeUndefined();
  });
});
