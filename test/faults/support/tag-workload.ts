import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '#test/support/seeded-random.ts';
import { makeSmallImage, pushSmallImage } from './small-image.ts';
import { createTagClient, type Registry, type TagClient, type Wanted } from './tag-client.ts';
import type { TagOperation } from './tag-history.ts';

export interface WorkloadOptions {
  readonly regions: readonly Registry[];
  readonly repository: string;
  readonly tags: readonly string[];
  readonly clients: number;
  /** What their names begin with; no two clients may have the same. */
  readonly name?: string;
  /** How much of what they do; default: some of everything. */
  readonly mix?: Mix;
  readonly seed: number;
  /** Ends the work; what is under way goes on to its end. */
  readonly signal: AbortSignal;
}

/** How often each kind of operation is chosen, in proportion to the others. */
export type Mix = Readonly<Partial<Record<Kind, number>>>;
type Kind =
  'strong read' | 'bounded read' | 'own read' | 'put' | 'create' | 'change' | 'delete' | 'delete if';

const EVERYTHING: Mix = {
  'strong read': 35,
  'bounded read': 10,
  'own read': 10,
  put: 20,
  create: 5,
  change: 12,
  delete: 4,
  'delete if': 4,
};

/** What a client waits for an answer before it turns to something else. */
const TIMEOUT_MS = 8_000;
const MAX_PAUSE_MS = 40;
const MAX_PAUSE_AFTER_FAILURE_MS = 400;
/** For the last look, when all is well again. */
const SETTLE_MS = 60_000;

/** Writers, conditional writers, deleters, strong and bounded readers at once, each operation in any region. Gives all that happened. */
export async function workOnTags(options: WorkloadOptions): Promise<TagOperation[]> {
  const history: TagOperation[] = [];
  const clients = Array.from({ length: options.clients }, (_, i) => {
    const random = seededRandom(options.seed * 1_000 + i);
    return work(clientOf(`${options.name ?? 'c'}${i}`, options, history), random, options, history);
  });
  await Promise.all(clients);
  return history;
}

/** What a new repository needs before tags can be set in it by manifests alone. */
export async function prepareRepository({ registry }: Registry, repository: string): Promise<void> {
  await pushSmallImage([registry], repository, 'first', makeSmallImage('first'));
}

/** Looks at every tag in every region, once all faults are over, until each has answered. */
export async function lookAtTheEnd(options: WorkloadOptions, history: TagOperation[]): Promise<void> {
  const client = clientOf('end', options, history);
  const deadline = performance.now() + SETTLE_MS;
  for (const region of options.regions) {
    for (const tag of options.tags) {
      for (;;) {
        const { outcome } = await client.perform(region, tag, { kind: 'read', how: 'strong' });
        if (outcome.kind === 'ok') break;
        if (performance.now() > deadline) throw new Error(`${region.name} does not answer: ${outcome.kind}.`);
        await pause(100);
      }
    }
  }
}

function clientOf(name: string, { repository }: WorkloadOptions, history: TagOperation[]): TagClient {
  const now = (): number => performance.now();
  return createTagClient({ name, repository, history, timeoutMs: TIMEOUT_MS, now });
}

async function work(
  client: TagClient,
  random: () => number,
  { regions, tags, mix = EVERYTHING, signal }: WorkloadOptions,
  history: readonly TagOperation[],
): Promise<void> {
  const kinds = Object.entries(mix).flatMap(([kind, share]) => Array<Kind>(share).fill(kind as Kind));
  const choose = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  while (!signal.aborted) {
    const tag = choose(tags);
    const { outcome } = await client.perform(choose(regions), tag, wanted(choose(kinds), tag, history));
    const maxPauseMs = outcome.kind === 'failed' ? MAX_PAUSE_AFTER_FAILURE_MS : MAX_PAUSE_MS;
    await pause(random() * maxPauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function wanted(kind: Kind, tag: string, history: readonly TagOperation[]): Wanted {
  const seen = lastSeen(tag, history);
  const condition = seen === undefined ? {} : { condition: { header: 'if-match' as const, value: seen } };
  switch (kind) {
    case 'strong read':
      return { kind: 'read', how: 'strong' };
    case 'bounded read':
      return { kind: 'read', how: 'bounded' };
    case 'own read':
      return { kind: 'read', how: 'own' };
    case 'put':
      return { kind: 'put' };
    case 'create':
      return { kind: 'put', condition: { header: 'if-none-match', value: '*' } };
    case 'change':
      return { kind: 'put', ...condition };
    case 'delete':
      return { kind: 'delete' };
    case 'delete if':
      return { kind: 'delete', ...condition };
  }
}

/** What the tag was the last time that anyone saw it: mostly what it is, and sometimes not. */
function lastSeen(tag: string, history: readonly TagOperation[]): string | undefined {
  const last = history.findLast(
    ({ tag: other, action, outcome }) =>
      other === tag && outcome.kind === 'ok' && (action.kind === 'put' || Boolean(outcome.digest)),
  );
  if (last?.action.kind === 'put') return last.action.digest;
  return last?.outcome.kind === 'ok' ? last.outcome.digest : undefined;
}
