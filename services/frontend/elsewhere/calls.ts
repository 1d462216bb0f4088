import type { Contract } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import { unaryOf, wrapCalls } from '#libs/rpc/wrap.ts';
import { askElsewhere, nobody } from './ask.ts';
import type { Whereabouts } from './own-region.ts';
import type { OtherRegion } from './regions.ts';

/** A service of replications. */
export interface ReplicationService<S extends object> {
  readonly contract: Contract<S>;
  readonly own: S;
  readonly of: (other: OtherRegion) => S;
  /** Calls that change nothing, so that they may be repeated in another region. */
  readonly reads: ReadonlySet<keyof S>;
}

/** The own replication's calls; while that is away, the nearest other region's. Streams are the caller's to see to. */
export function callsOrElsewhere<S extends object>(
  { contract, own, of, reads }: ReplicationService<S>,
  { region, replication, regions, onUsed }: Whereabouts,
): S {
  return wrapCalls(contract, {
    unary: async (name, input, context) => {
      const isRepeatable = reads.has(name);
      try {
        if (replication.answers) return await unaryOf(own, name)(input, context);
      } catch (error) {
        if (!(error instanceof Unanswered) || !isRepeatable) throw error;
      }
      const { signal } = context;
      const ask = { region, regions, service: 'replication', isRepeatable, onUsed, signal } as const;
      return askElsewhere(ask, (other) => unaryOf(of(other), name)(input, context));
    },
    stream: (name) => {
      throw new Error(`${contract.name} has no way to another region for the stream ${String(name)}.`);
    },
  });
}

/** The own replication's frames or, while that is away, the nearest other region's, which end as soon as it is back. */
export async function* framesOrElsewhere<F>(
  { replication, regions }: Whereabouts,
  own: (signal: AbortSignal) => AsyncIterable<F>,
  elsewhere: (other: OtherRegion, signal: AbortSignal) => AsyncIterable<F>,
  signal: AbortSignal,
): AsyncGenerator<F, void, undefined> {
  if (replication.answers) {
    yield* own(signal);
    return;
  }
  const [nearest] = regions.nearestFirst();
  if (nearest === undefined) throw nobody('replication');
  yield* elsewhere(nearest, AbortSignal.any([signal, replication.back()]));
}
