import { ABSENT, holds, type TagOperation } from './tag-history.ts';

/** Orders that are tried for one history; one that needs more is too concurrent to be checked. */
const MAX_TRIED = 500_000;

/**
 * Whether there is an order of the operations on one tag in which each takes effect at one moment between its invocation and its return,
 * and each gets the answer it got: Wing and Gong's search with Lowe's memory of what was tried. Operations of unknown outcome may take
 * effect at any moment after their invocation, or never. Throws where the search is too long.
 */
export function isLinearizable(operations: readonly TagOperation[]): boolean {
  const sorted = operations
    .filter(({ outcome }) => outcome.kind !== 'failed')
    .sort((a, b) => a.invokedAt - b.invokedAt);
  const tried = new Set<string>();

  const search = (before: Progress, unexplained?: string): boolean => {
    const progress = absorb(sorted, before);
    if (progress.known === 0) return true;
    // What follows a lost write must show that it took effect, or else it might as well not have.
    const shown = progress.known < before.known ? undefined : unexplained;
    const key = keyOf(progress);
    const keyHere = shown === undefined ? key : `${key} after ${shown}`;
    if (tried.has(key) || tried.has(keyHere)) return false;
    if (tried.size >= MAX_TRIED) throw new Error(`The history needs more than ${MAX_TRIED} tries.`);
    tried.add(keyHere);
    for (const index of candidates(sorted, progress)) {
      const operation = at(sorted, index);
      const state = step(operation, progress.state);
      if (state === undefined || (isOpen(operation) && state === progress.state)) continue;
      if (shown !== undefined && state === step(operation, shown)) continue;
      const before = isOpen(operation) ? progress.state : undefined;
      if (search(take(progress, index, operation, state), before)) return true;
    }
    return false;
  };
  return search({
    state: ABSENT,
    done: new Uint8Array(sorted.length),
    first: 0,
    known: sorted.filter((operation) => !isOpen(operation)).length,
  });
}

/** The history's beginning that can't be linearized, without the operations that don't matter for that. */
export function explainViolation(operations: readonly TagOperation[]): TagOperation[] {
  let kept = shortestViolation(operations);
  for (const operation of kept) {
    const without = kept.filter((other) => other !== operation);
    // A write may be left out only where nothing depends on whether it happened.
    const weaker = isWrite(operation)
      ? [...without, opened(operation)].sort((a, b) => a.invokedAt - b.invokedAt)
      : without;
    if (!isLinearizable(weaker)) kept = without;
  }
  return kept;
}

/** How far an order has come: what has taken effect, and the tag after it. */
interface Progress {
  readonly state: string;
  readonly done: Uint8Array;
  /** All before it have taken effect. */
  readonly first: number;
  /** Operations of known outcome that are still to take effect. */
  readonly known: number;
}

/** The state after an operation; undefined where its answer can't have been given in this state. */
function step({ action, outcome }: TagOperation, state: string): string | undefined {
  if (action.kind === 'read') return outcome.kind === 'ok' && outcome.digest === state ? state : undefined;
  const applies = holds(action.condition, state) && (action.kind === 'put' || state !== ABSENT);
  const after = action.kind === 'put' ? action.digest : ABSENT;
  switch (outcome.kind) {
    case 'ok':
      return applies ? after : undefined;
    case 'refused':
      return applies ? undefined : state;
    default:
      return applies ? after : state;
  }
}

/** Lets everything take effect at once that leaves the state as it is: nothing can be gained by waiting. */
function absorb(sorted: readonly TagOperation[], before: Progress): Progress {
  let progress = before;
  for (let absorbed = true; absorbed;) {
    absorbed = false;
    for (const index of callable(sorted, progress)) {
      const operation = at(sorted, index);
      if (isWrite(operation) || step(operation, progress.state) === undefined) continue;
      progress = take(progress, index, operation, progress.state);
      absorbed = true;
    }
  }
  return progress;
}

/** Writes that may come next: those with an answer first, the earliest to return among them first. Of lost ones that do the same, one. */
function candidates(sorted: readonly TagOperation[], progress: Progress): number[] {
  const returnedAt = (index: number): number => at(sorted, index).returnedAt;
  const lost = new Set<string>();
  return [...callable(sorted, progress)]
    .filter((index) => {
      const operation = at(sorted, index);
      if (!isWrite(operation) || !isOpen(operation)) return isWrite(operation);
      const action = JSON.stringify(operation.action);
      const isFirst = !lost.has(action);
      lost.add(action);
      return isFirst;
    })
    .sort((a, b) => returnedAt(a) - returnedAt(b) || a - b);
}

/** Operations that were invoked before any other that is still to take effect returned. */
function* callable(
  sorted: readonly TagOperation[],
  { done, first }: Progress,
): Generator<number, void, undefined> {
  let horizon = Infinity;
  const found: number[] = [];
  for (let index = first; index < sorted.length; index++) {
    const { invokedAt, returnedAt } = at(sorted, index);
    if (invokedAt > horizon) break;
    if (done[index] === 1) continue;
    horizon = Math.min(horizon, returnedAt);
    found.push(index);
  }
  yield* found;
}

function take(progress: Progress, index: number, operation: TagOperation, state: string): Progress {
  const done = Uint8Array.from(progress.done);
  done[index] = 1;
  let { first } = progress;
  while (done[first] === 1) first += 1;
  return { state, done, first, known: progress.known - (isOpen(operation) ? 0 : 1) };
}

function keyOf({ state, done, first }: Progress): string {
  let key = `${state} ${first}`;
  for (let index = first + 1; index < done.length; index++) if (done[index] === 1) key += ` ${index}`;
  return key;
}

function at(sorted: readonly TagOperation[], index: number): TagOperation {
  const operation = sorted[index];
  if (operation === undefined) throw new RangeError(`There is no operation ${index}.`);
  return operation;
}

function isOpen({ outcome }: TagOperation): boolean {
  return outcome.kind === 'unknown';
}

function isWrite({ action, outcome }: TagOperation): boolean {
  return action.kind !== 'read' && outcome.kind !== 'refused';
}

function opened(operation: TagOperation): TagOperation {
  return { ...operation, returnedAt: Infinity, outcome: { kind: 'unknown', why: 'left open' } };
}

function shortestViolation(operations: readonly TagOperation[]): TagOperation[] {
  const ends = [...new Set(operations.map(({ returnedAt }) => returnedAt))].sort((a, b) => a - b);
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isLinearizable(until(operations, ends[middle] ?? Infinity))) low = middle + 1;
    else high = middle;
  }
  return until(operations, ends[low] ?? Infinity);
}

/** The history as it was known at a moment. */
function until(operations: readonly TagOperation[], end: number): TagOperation[] {
  return operations
    .filter(({ invokedAt, outcome }) => invokedAt <= end && outcome.kind !== 'failed')
    .filter((operation) => operation.returnedAt <= end || isWrite(operation))
    .map((operation) => (operation.returnedAt <= end ? operation : opened(operation)))
    .sort((a, b) => a.invokedAt - b.invokedAt);
}
