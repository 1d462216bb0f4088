import type { Compare, Operation, RangeRequest, TxnRequest } from '#libs/etcd/store.ts';

/** What one step of a random history does. Leases and revisions are named by their place, so that the same step fits several stores. */
export type Step =
  | { readonly kind: 'txn'; readonly txn: TxnRequest }
  | { readonly kind: 'range'; readonly range: RangeRequest }
  | { readonly kind: 'compact'; readonly revision: number }
  | { readonly kind: 'grant' }
  | { readonly kind: 'revoke'; readonly lease: number };

const KEYS = ['a', 'ab', 'abc', 'b', 'b/1', 'b/2', 'c', 'd'];
const OPERATORS = ['=', '!=', '<', '>'] as const;
const TARGETS = ['mod', 'create', 'version'] as const;

/** Draws a step for a store at about `revision` that was given `leases` leases. Leases appear in it as their number. */
export function randomStep(random: () => number, revision: number, leases: number): Step {
  const below = (n: number): number => Math.floor(random() * n);
  const pick = <T>(items: readonly [T, ...T[]] | readonly T[]): T => items[below(items.length)] as T;
  const key = (): string => pick(KEYS);
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const range = (): RangeRequest => ({
    key: key(),
    ...(random() < 0.6 ? { rangeEnd: pick([...KEYS, 'z', '\0']) } : {}),
    ...(random() < 0.4 ? { limit: below(4) } : {}),
    ...(random() < 0.3 ? { revision: below(revision + 3) } : {}),
    ...(random() < 0.2 ? { keysOnly: true } : {}),
    ...(random() < 0.2 ? { countOnly: true } : {}),
  });
  const compare = (): Compare =>
    random() < 0.25
      ? { key: key(), target: 'value', op: pick(OPERATORS), value: Buffer.from(pick(['', '1', '2'])) }
      : {
          key: key(),
          target: pick(TARGETS),
          op: pick(OPERATORS),
          value: pick([0, 1, 2, revision, below(revision + 2)]),
        };
  const operation = (): Operation => {
    const draw = random();
    if (draw < 0.55) {
      const lease = leases > 0 && random() < 0.3 ? { lease: String(below(leases)) } : {};
      return { kind: 'put', key: key(), value: Buffer.from(pick(['', '1', '2', '3'])), ...lease };
    }
    if (draw < 0.8)
      return { kind: 'delete', key: key(), ...(random() < 0.3 ? { rangeEnd: pick([...KEYS, 'z']) } : {}) };
    return { kind: 'range', ...range() };
  };
  const draw = random();
  // Alone: etcd overlooks that such a range covers keys put beside it, which the coordinator refuses.
  if (draw < 0.03) return { kind: 'txn', txn: { then: [{ kind: 'delete', key: key(), rangeEnd: '\0' }] } };
  if (draw < 0.7)
    return {
      kind: 'txn',
      txn: { compare: some(2, compare), then: some(3, operation), else: some(3, operation) },
    };
  if (draw < 0.9) return { kind: 'range', range: range() };
  if (draw < 0.93) return { kind: 'compact', revision: below(revision + 2) };
  if (draw < 0.97 || leases === 0) return { kind: 'grant' };
  return { kind: 'revoke', lease: below(leases) };
}
