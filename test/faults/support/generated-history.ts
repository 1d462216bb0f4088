import fc from 'fast-check';
import { ABSENT, holds, type TagAction, type TagOperation, type TagOutcome } from './tag-history.ts';

/** Between two moments at which operations take effect. */
const STEP_MS = 10;
/** How far an operation's invocation and return may be from its moment. */
const MAX_SPREAD_MS = 45;

const spread = fc.integer({ min: 0, max: MAX_SPREAD_MS });
const condition = fc.record({
  header: fc.constantFrom('if-match' as const, 'if-none-match' as const),
  /** Whose digest: the present one, an older one, or any. */
  value: fc.constantFrom('present', 'older', '*'),
});

interface Draft {
  readonly kind: 'put' | 'delete' | 'read';
  readonly condition: { readonly header: 'if-match' | 'if-none-match'; readonly value: string } | undefined;
  readonly before: number;
  readonly after: number;
  /** Its answer is lost; whether it takes effect all the same. */
  readonly lost: 'no' | 'applied' | 'dropped';
}

const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom('put', 'put', 'delete', 'read', 'read', 'read'),
  condition: fc.option(condition, { nil: undefined }),
  before: spread,
  after: spread,
  lost: fc.constantFrom('no', 'no', 'no', 'no', 'applied', 'dropped'),
});

/** Histories of one tag as a correct registry gives them: each operation takes effect at one moment between its invocation and its return. */
export function correctHistories(maxOperations = 40): fc.Arbitrary<TagOperation[]> {
  return fc.array(draft, { minLength: 1, maxLength: maxOperations }).map((drafts) => {
    let state = ABSENT;
    const digests: string[] = [];
    return drafts.map((draft, index): TagOperation => {
      const action = actionOf(draft, index, state, digests);
      const { outcome, after } = perform(action, state);
      if (draft.lost !== 'dropped') state = after;
      const momentAt = index * STEP_MS + MAX_SPREAD_MS;
      const isLost = draft.lost !== 'no' && action.kind !== 'read';
      return {
        client: `c${index}`,
        region: 'us',
        tag: 'tag',
        action,
        invokedAt: momentAt - draft.before,
        returnedAt: isLost ? Infinity : momentAt + draft.after,
        outcome: isLost ? { kind: 'unknown', why: 'lost' } : outcome,
      };
    });
  });
}

function actionOf({ kind, condition }: Draft, index: number, state: string, digests: string[]): TagAction {
  if (kind === 'read') return { kind, how: 'strong' };
  const value = condition?.value === 'present' ? state : condition?.value === 'older' ? digests[0] : '*';
  const given =
    condition === undefined || value === undefined || value === ABSENT
      ? {}
      : { condition: { header: condition.header, value } };
  if (kind === 'delete') return { kind, ...given };
  const digest = `digest${index}`;
  digests.push(digest);
  return { kind, digest, ...given };
}

function perform(action: TagAction, state: string): { outcome: TagOutcome; after: string } {
  if (action.kind === 'read') return { outcome: { kind: 'ok', digest: state }, after: state };
  const applies = holds(action.condition, state) && (action.kind === 'put' || state !== ABSENT);
  if (!applies) return { outcome: { kind: 'refused' }, after: state };
  return { outcome: { kind: 'ok' }, after: action.kind === 'put' ? action.digest : ABSENT };
}

/** Any answers at all, to a few operations: most such histories are wrong. */
export function arbitraryHistories(maxOperations = 6): fc.Arbitrary<TagOperation[]> {
  const digest = fc.constantFrom('a', 'b', 'c');
  const action: fc.Arbitrary<TagAction> = fc.oneof(
    digest.map((digest) => ({ kind: 'put' as const, digest })),
    fc.record({
      kind: fc.constant('put' as const),
      digest,
      condition: fc.record({
        header: fc.constantFrom('if-match', 'if-none-match'),
        value: fc.constantFrom('a', '*'),
      }),
    }),
    fc.constant({ kind: 'delete' as const }),
    fc.constant({ kind: 'read' as const, how: 'strong' as const }),
  );
  const operation = fc
    .record({ action, invokedAt: fc.integer({ min: 0, max: 60 }), took: fc.integer({ min: 1, max: 40 }) })
    .chain(({ action, invokedAt, took }) =>
      answerTo(action).map((outcome): TagOperation => ({
        client: 'c',
        region: 'us',
        tag: 'tag',
        action,
        invokedAt,
        returnedAt: outcome.kind === 'unknown' ? Infinity : invokedAt + took,
        outcome,
      })),
    );
  return fc.array(operation, { maxLength: maxOperations });
}

function answerTo(action: TagAction): fc.Arbitrary<TagOutcome> {
  if (action.kind === 'read')
    return fc.constantFrom('a', 'b', 'c', ABSENT).map((digest) => ({ kind: 'ok', digest }));
  return fc.constantFrom<TagOutcome>(
    { kind: 'ok' },
    { kind: 'ok' },
    { kind: 'refused' },
    { kind: 'unknown', why: 'lost' },
  );
}
