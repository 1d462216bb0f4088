import { onTestFinished } from 'vitest';
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
import { summaryCalls } from '#services/replication/summaries/peer-calls.ts';
import { memoryStorage, type MemoryStorage } from './memory/storage.ts';

const { signal } = new AbortController();
const context = { signal };
const repository = parseRepositoryName('team/app');

export interface Wanted extends WantedBlob {
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

export interface Regions {
  readonly wanted: readonly Wanted[];
  readonly own: TestView;
  readonly their: TestView;
  readonly kept: KeptTree;
  readonly store: MemoryStorage;
  /** The calls to the other region, with how many prefixes or blobs each answer named. */
  readonly questions: [name: string, told: number][];
  readonly failing: Set<string>;
  /** What the other region holds while it answers a call, and not before or after. */
  readonly heldDuring: Map<string, Wanted>;
  compare(): ReturnType<Comparison['refresh']>;
  want(...blobs: Wanted[]): Wanted[];
  wantNoLonger(text: string): void;
  holds(one: Wanted): void;
  loses(one: Wanted): void;
}

/** Two views of one catalog, and the storage of the other region; it holds the first `held` of what is wanted. */
export function regions(count: number, held = count): Regions {
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
  const heldDuring = new Map<string, Wanted>();
  const calls = { ...summaryCalls({ view: their, kept, viewTimeoutMs: 1 }), stat: store.storage.stat };
  const asked = (name: string, told: number): void => {
    if (failing.has(name)) throw new Error('The region is away.');
    questions.push([name, told]);
  };
  const answering = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    const passing = heldDuring.get(name);
    if (passing !== undefined) holds(passing);
    const answer = await call();
    if (passing !== undefined) store.lose(passing.digest);
    return answer;
  };
  const peer: Pick<Peer, 'summarize' | 'listKept' | 'stat'> = {
    summarize: async (question) => {
      const answer = await calls.summarize(question, context);
      asked('summarize', answer.changed.length);
      return answer;
    },
    listKept: async (question) => {
      const answer = await answering('listKept', () => calls.listKept(question, context));
      asked('listKept', answer.blobs.length);
      return answer;
    },
    stat: async (question) => {
      const answer = await answering('stat', () => calls.stat(question, context));
      asked('stat', answer.blobs.length);
      return answer;
    },
  };
  return {
    ...{ wanted, own, their, kept, store, questions, failing, heldDuring, holds },
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

export function blob(text: string): Wanted {
  const bytes = Buffer.from(text);
  return { digest: digestOf(bytes), size: bytes.length, kind: 'layer', repository, bytes };
}
