import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf, hexOf } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Peer } from '#libs/rpc/contracts.ts';
import type {
  ViewChange,
  ViewState,
  WantedBlob,
  WantedView,
} from '#services/replication/catalog/view/view.ts';
import { openComparison, type Comparison } from '#services/replication/summaries/compare.ts';
import { openKeptTree, type KeptTree } from '#services/replication/summaries/kept-tree.ts';
import { narrow } from '#services/replication/summaries/narrow.ts';
import { ownLack } from '#services/replication/summaries/own-lack.ts';
import { summaryCalls } from '#services/replication/summaries/peer-calls.ts';
import { memoryStorage, type MemoryStorage } from '#test/support/memory/storage.ts';

const { signal } = new AbortController();
const context = { signal };
const repository = parseRepositoryName('team/app');

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

interface Wanted extends WantedBlob {
  readonly bytes: Buffer;
}

/** A catalog that knows only what it wants. */
class TestView implements ViewState, Pick<WantedView, 'wantedUnder'> {
  /** By the first three digits. */
  readonly #blobs = new Map<string, Map<string, WantedBlob>>();
  #revision = 1;
  readonly #listeners = new Set<(change: ViewChange) => void>();

  position() {
    return { catalogId: 'test', revision: this.#revision };
  }
  subscribe(listener: (change: ViewChange) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  wantedUnder(_region: string, prefix: string): WantedBlob[] {
    return [...this.#near(prefix).values()].filter(({ digest }) => hexOf(digest).startsWith(prefix));
  }
  want(...blobs: WantedBlob[]): void {
    for (const one of blobs) this.#near(hexOf(one.digest)).set(one.digest, one);
    this.#tell(blobs);
  }
  wantNoLonger(one: WantedBlob): void {
    this.#near(hexOf(one.digest)).delete(one.digest);
    this.#tell([one]);
  }
  #near(hex: string): Map<string, WantedBlob> {
    const near = this.#blobs.get(hex.slice(0, 3)) ?? new Map<string, WantedBlob>();
    this.#blobs.set(hex.slice(0, 3), near);
    return near;
  }
  #tell(blobs: readonly WantedBlob[]): void {
    this.#revision += 1;
    const nothing = {
      tags: [],
      manifests: [],
      repositories: [],
      auth: [],
      reset: false,
      regions: false,
      defaults: false,
      placements: false,
    };
    const content = blobs.map(({ digest }) => digest);
    for (const listener of this.#listeners) listener({ ...nothing, content, position: this.position() });
  }
}

interface Regions {
  readonly wanted: readonly Wanted[];
  readonly own: TestView;
  readonly their: TestView;
  readonly kept: KeptTree;
  readonly store: MemoryStorage;
  /** The calls to the other region, with how many prefixes or blobs each answer named. */
  readonly questions: [name: string, told: number][];
  readonly failing: Set<string>;
  compare(): ReturnType<Comparison['refresh']>;
  want(...blobs: Wanted[]): Wanted[];
  wantNoLonger(text: string): void;
  holds(one: Wanted): void;
  loses(one: Wanted): void;
}

/** Two views of one catalog, and the storage of the other region; it holds the first `held` of what is wanted. */
function regions(count: number, held = count): Regions {
  const wanted = Array.from({ length: count }, (_, i) => blob(`wanted ${i}`));
  const [own, their] = [new TestView(), new TestView()];
  for (const view of [own, their]) view.want(...wanted);
  const store = memoryStorage();
  const holds = ({ digest, bytes }: Wanted): void => store.publish('', digest, bytes);
  for (const one of wanted.slice(0, held)) holds(one);
  const kept = openKeptTree({ view: their, region: 'eu', storage: store.storage });
  const comparison = openComparison({ view: own, region: 'eu', viewTimeoutMs: 1 });
  onTestFinished(() => {
    kept.close();
    comparison.close();
  });
  const questions: [string, number][] = [];
  const failing = new Set<string>();
  const calls = { ...summaryCalls({ view: their, kept, viewTimeoutMs: 1 }), stat: store.storage.stat };
  const asked = (name: string, told: number): void => {
    if (failing.has(name)) throw new Error('The region is away.');
    questions.push([name, told]);
  };
  const peer: Pick<Peer, 'summarize' | 'listKept' | 'stat'> = {
    summarize: async (question) => {
      const answer = await calls.summarize(question, context);
      asked('summarize', answer.changed.length);
      return answer;
    },
    listKept: async (question) => {
      const answer = await calls.listKept(question, context);
      asked('listKept', answer.blobs.length);
      return answer;
    },
    stat: async (question) => {
      const answer = await calls.stat(question, context);
      asked('stat', answer.blobs.length);
      return answer;
    },
  };
  return {
    ...{ wanted, own, their, kept, store, questions, failing, holds },
    compare: () => comparison.refresh(peer, signal),
    want: (...blobs) => {
      for (const view of [own, their]) view.want(...blobs);
      return blobs;
    },
    wantNoLonger: (text) => {
      for (const view of [own, their]) view.wantNoLonger(blob(text));
    },
    loses: ({ digest }) => store.lose(digest),
  };
}

function blob(text: string): Wanted {
  const bytes = Buffer.from(text);
  return { digest: digestOf(bytes), size: bytes.length, kind: 'layer', repository, bytes };
}
