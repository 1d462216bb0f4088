import { ABSENT, holds, type TagOperation } from '#test/faults/support/tag-history.ts';

/** Tries every order of the operations, and every choice of those whose outcome is unknown. */
export function someOrderFits(left: readonly TagOperation[], state: string): boolean {
  if (left.every(({ outcome }) => outcome.kind === 'unknown')) return true;
  return left.some((next) => {
    const rest = left.filter((other) => other !== next);
    if (rest.some(({ returnedAt }) => returnedAt < next.invokedAt)) return false;
    const after = answered(next, state);
    return after !== undefined && someOrderFits(rest, after);
  });
}

function answered({ action, outcome }: TagOperation, state: string): string | undefined {
  if (action.kind === 'read') return outcome.kind === 'ok' && outcome.digest === state ? state : undefined;
  const applies = holds(action.condition, state) && (action.kind === 'put' || state !== ABSENT);
  const changed = action.kind === 'put' ? action.digest : ABSENT;
  const after = applies ? changed : state;
  if (outcome.kind === 'unknown') return after;
  return applies === (outcome.kind === 'ok') ? after : undefined;
}
