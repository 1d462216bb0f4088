import { boundedViolations } from './bounded-reads.ts';
import { explainViolation, isLinearizable } from './linearizability.ts';
import { ABSENT, formatHistory, type TagOperation } from './tag-history.ts';

/** Throws with the operations that show it where a tag was not what it promises to be. */
export function checkTags(history: readonly TagOperation[]): void {
  const problems = [...new Set(history.map(({ tag }) => tag))].flatMap((tag) =>
    problemsOf(history.filter((operation) => operation.tag === tag)),
  );
  if (problems.length > 0) throw new Error(problems.join('\n\n'));
}

/** How many operations of each kind and outcome there were, for a report. */
export function countOperations(history: readonly TagOperation[]): string {
  const counts = new Map<string, number>();
  for (const { action, outcome } of history) {
    const what = action.kind === 'read' ? `${action.how} read` : action.kind;
    const key = `${what} ${outcome.kind}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const listed = [...counts].sort().map(([key, count]) => `${count} ${key}`);
  return `${history.length} operations: ${listed.join(', ')}`;
}

function problemsOf(history: readonly TagOperation[]): string[] {
  const problems: string[] = [];
  const linear = history.filter(mustBeLinearizable);
  if (!isLinearizable(linear))
    problems.push(
      `There is no order of these operations that explains them:\n${formatHistory(explainViolation(linear))}`,
    );
  for (const { read, why, because } of boundedViolations(history))
    problems.push(`${why}\n${formatHistory([...because, read])}`);
  return problems;
}

/** Writes, strong reads, and whoever is told that a tag does not exist: that is always asked of the quorum. */
function mustBeLinearizable({ action, outcome }: TagOperation): boolean {
  if (action.kind !== 'read') return true;
  if (outcome.kind !== 'ok') return false;
  return action.how === 'strong' || outcome.digest === ABSENT;
}
