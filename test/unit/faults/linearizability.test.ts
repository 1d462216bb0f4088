import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryHistories, correctHistories } from '#test/faults/support/generated-history.ts';
import { explainViolation, isLinearizable } from '#test/faults/support/linearizability.ts';
import {
  ABSENT,
  formatHistory,
  type TagAction,
  type TagCondition,
  type TagOperation,
  type TagOutcome,
} from '#test/faults/support/tag-history.ts';
import { someOrderFits } from './every-order.ts';

const ok: TagOutcome = { kind: 'ok' };
const refused: TagOutcome = { kind: 'refused' };
const unknown: TagOutcome = { kind: 'unknown', why: 'no answer' };
const none: TagCondition = { header: 'if-none-match', value: '*' };
const remove: TagAction = { kind: 'delete' };

function put(digest: string, condition?: TagCondition): TagAction {
  return { kind: 'put', digest, ...(condition && { condition }) };
}

function ifMatch(value: string): TagCondition {
  return { header: 'if-match', value };
}

function operation(
  invokedAt: number,
  returnedAt: number,
  action: TagAction,
  outcome: TagOutcome,
): TagOperation {
  const end = outcome.kind === 'unknown' ? Infinity : returnedAt;
  return { client: 'c', region: 'us', tag: 'tag', action, invokedAt, returnedAt: end, outcome };
}

function read(invokedAt: number, returnedAt: number, digest: string): TagOperation {
  return operation(invokedAt, returnedAt, { kind: 'read', how: 'strong' }, { kind: 'ok', digest });
}

describe('the checker accepts', () => {
  const histories: [string, TagOperation[]][] = [
    ['nothing at all', []],
    ['a read of what is not there', [read(0, 1, ABSENT)]],
    ['a write and its read', [operation(0, 1, put('a'), ok), read(2, 3, 'a')]],
    [
      'reads of both values while a write runs',
      [operation(0, 1, put('a'), ok), operation(2, 9, put('b'), ok), read(3, 4, 'a'), read(5, 6, 'b')],
    ],
    [
      'writes that end in another order than they began in',
      [operation(0, 9, put('a'), ok), operation(1, 8, put('b'), ok), read(10, 11, 'a')],
    ],
    [
      'one of two creations at once',
      [operation(0, 5, put('a', none), ok), operation(1, 6, put('b', none), refused), read(7, 8, 'a')],
    ],
    [
      'a change of what was there',
      [
        operation(0, 1, put('a'), ok),
        operation(2, 3, put('b', ifMatch('a')), ok),
        operation(4, 5, put('c', ifMatch('a')), refused),
        read(6, 7, 'b'),
      ],
    ],
    [
      'a deletion, and another that finds nothing',
      [operation(0, 1, put('a'), ok), operation(2, 3, remove, ok), operation(4, 5, remove, refused)],
    ],
    ['a lost write that never took effect', [operation(0, 1, put('a'), unknown), read(2, 3, ABSENT)]],
    [
      'a lost write that took effect late',
      [
        operation(0, 1, put('a'), unknown),
        operation(2, 3, put('b'), ok),
        read(4, 5, 'b'),
        read(6, 7, 'a'),
        read(8, 9, 'a'),
      ],
    ],
    [
      'a write that failed without effect',
      [operation(0, 1, put('a'), { kind: 'failed', why: '503' }), read(2, 3, ABSENT)],
    ],
  ];
  it.each(histories)('%s', (_, history) => {
    expect(isLinearizable(history)).toBe(true);
  });
});

describe('the checker refuses', () => {
  const histories: [string, TagOperation[]][] = [
    ['a value from nowhere', [read(0, 1, 'a')]],
    [
      'a stale read',
      [operation(0, 1, put('a'), ok), operation(2, 3, put('b'), ok), read(4, 5, 'a'), read(6, 7, 'b')],
    ],
    [
      'a write that comes back',
      [
        operation(0, 9, put('a'), ok),
        operation(1, 2, put('b'), ok),
        read(3, 4, 'a'),
        read(5, 6, 'b'),
        read(7, 8, 'a'),
      ],
    ],
    ['an acknowledged write that is lost', [operation(0, 1, put('a'), ok), read(2, 3, ABSENT)]],
    ['a read of the future', [read(0, 1, 'a'), operation(2, 3, put('a'), ok)]],
    ['two creations', [operation(0, 5, put('a', none), ok), operation(1, 6, put('b', none), ok)]],
    ['a refusal without a reason', [operation(0, 1, put('a', none), refused)]],
    [
      'a change of what was changed already',
      [
        operation(0, 1, put('a'), ok),
        operation(2, 3, put('b'), ok),
        operation(4, 5, put('c', ifMatch('a')), ok),
      ],
    ],
    [
      'two deletions of one value',
      [operation(0, 1, put('a'), ok), operation(2, 5, remove, ok), operation(3, 6, remove, ok)],
    ],
    [
      'a lost write that took effect twice',
      [
        operation(0, 1, put('a'), unknown),
        operation(0, 1, put('b'), ok),
        read(2, 3, 'a'),
        operation(4, 5, put('c'), ok),
        read(6, 7, 'a'),
      ],
    ],
    [
      'a failed write that is seen',
      [operation(0, 1, put('a'), { kind: 'failed', why: '503' }), read(2, 3, 'a')],
    ],
  ];
  it.each(histories)('%s', (_, history) => {
    expect(isLinearizable(history)).toBe(false);
  });
});

describe('the checker', () => {
  it('accepts what a correct registry answers', () => {
    fc.assert(
      fc.property(correctHistories(), (history) => isLinearizable(history)),
      { numRuns: 500 },
    );
  });

  it.each([
    ['never written', () => 'from nowhere'],
    ['overwritten before the read began', staleDigest],
    ['written only after the read ended', futureDigest],
  ] as const)('refuses the same with one read of a value %s', (_, wrong) => {
    fc.assert(
      fc.property(correctHistories(), fc.nat(), (history, pick) => {
        const wrongs = history
          .filter(({ action }) => action.kind === 'read')
          .map((read) => ({ read, digest: wrong(history, read) }))
          .filter(({ digest }) => digest !== undefined);
        const chosen = wrongs[pick % Math.max(1, wrongs.length)];
        fc.pre(chosen?.digest !== undefined);
        const outcome: TagOutcome = { kind: 'ok', digest: chosen.digest };
        return !isLinearizable(history.map((one) => (one === chosen.read ? { ...one, outcome } : one)));
      }),
      { numRuns: 500, maxSkipsPerRun: 1_000 },
    );
  });

  it('finds what trying every order finds', () => {
    let [yes, no] = [0, 0];
    fc.assert(
      fc.property(arbitraryHistories(), (history) => {
        const expected = someOrderFits(history, ABSENT);
        if (expected) yes += 1;
        else no += 1;
        return isLinearizable(history) === expected;
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(yes, no)).toBeGreaterThan(100);
  });

  it('is quick with long histories and many lost answers', () => {
    const histories = fc.sample(correctHistories(400), { numRuns: 5, seed: 7 });
    for (const history of histories) expect(isLinearizable(history)).toBe(true);
  });

  it('explains a violation by the operations that matter', () => {
    const history = [
      operation(0, 1, put('x'), ok),
      read(0, 2, 'x'),
      operation(2, 3, put('a'), ok),
      operation(2, 9, put('elsewhere', ifMatch('y')), refused),
      operation(4, 5, put('b'), ok),
      read(6, 7, 'a'),
      operation(8, 9, put('later'), ok),
      read(10, 11, 'later'),
    ];
    const explanation = explainViolation(history);
    expect(explanation).toEqual([history[2], history[4], history[5]]);
    expect(formatHistory(explanation)).toMatch(/put a → ok\n.*put b → ok\n.*read strong → a$/);
  });
});

function putsOf(history: readonly TagOperation[]): { digest: string; put: TagOperation }[] {
  return history.flatMap((put) => (put.action.kind === 'put' ? [{ digest: put.action.digest, put }] : []));
}

function staleDigest(history: readonly TagOperation[], read: TagOperation): string | undefined {
  const applied = putsOf(history).filter(({ put }) => put.outcome.kind === 'ok');
  return applied.find(({ put }) =>
    applied.some(({ put: over }) => over.invokedAt > put.returnedAt && over.returnedAt < read.invokedAt),
  )?.digest;
}

function futureDigest(history: readonly TagOperation[], read: TagOperation): string | undefined {
  return putsOf(history).find(({ put }) => put.invokedAt > read.returnedAt)?.digest;
}
