/** What a client asked of a tag, when, and what came of it. Times are milliseconds of one monotonic clock. */
export interface TagOperation {
  readonly client: string;
  readonly region: string;
  readonly tag: string;
  readonly action: TagAction;
  readonly invokedAt: number;
  /** Infinity where the outcome is unknown: it may take effect at any time, or never. */
  readonly returnedAt: number;
  readonly outcome: TagOutcome;
}

export type TagAction =
  | { readonly kind: 'put'; readonly digest: string; readonly condition?: TagCondition }
  | { readonly kind: 'delete'; readonly condition?: TagCondition }
  /** 'own' brings the revision of the client's latest write. */
  | { readonly kind: 'read'; readonly how: 'strong' | 'bounded' | 'own'; readonly minRevision?: number };

/** `If-Match` or `If-None-Match` with a digest or `*`. */
export interface TagCondition {
  readonly header: 'if-match' | 'if-none-match';
  readonly value: string;
}

export type TagOutcome =
  /** For reads, `digest` is what was there; ABSENT where nothing was. */
  | {
      readonly kind: 'ok';
      readonly digest?: string;
      readonly revision?: number;
      readonly stalenessMs?: number;
      readonly warned?: boolean;
    }
  /** The condition did not hold, or there was nothing to delete. */
  | { readonly kind: 'refused' }
  /** It failed, and says that nothing was changed. */
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** What a tag that does not exist is. */
export const ABSENT = '';

export function holds(condition: TagCondition | undefined, state: string): boolean {
  if (condition === undefined) return true;
  const matches = condition.value === '*' ? state !== ABSENT : state === condition.value;
  return condition.header === 'if-match' ? matches : !matches;
}

/** A line for each operation, in the order in which they were invoked; digests are shortened. */
export function formatHistory(operations: readonly TagOperation[]): string {
  return [...operations]
    .sort((a, b) => a.invokedAt - b.invokedAt)
    .map(formatOperation)
    .join('\n');
}

function formatOperation({
  client,
  region,
  tag,
  action,
  invokedAt,
  returnedAt,
  outcome,
}: TagOperation): string {
  const times =
    `${seconds(invokedAt)} – ${Number.isFinite(returnedAt) ? seconds(returnedAt) : 'ever'}`.padEnd(19);
  return `${times} ${client} in ${region}: ${tag} ${formatAction(action)} → ${formatOutcome(action, outcome)}`;
}

function formatAction(action: TagAction): string {
  if (action.kind === 'read') {
    return action.minRevision === undefined
      ? `read ${action.how}`
      : `read ${action.how} (≥ ${action.minRevision})`;
  }
  const what = action.kind === 'put' ? `put ${short(action.digest)}` : 'delete';
  const { condition } = action;
  return condition === undefined ? what : `${what} ${condition.header} ${short(condition.value)}`;
}

function formatOutcome({ kind }: TagAction, outcome: TagOutcome): string {
  if (outcome.kind === 'failed' || outcome.kind === 'unknown') return `${outcome.kind} (${outcome.why})`;
  if (outcome.kind === 'refused') return 'refused';
  const { digest, revision, stalenessMs } = outcome;
  const value = kind === 'read' ? short(digest ?? ABSENT) : 'ok';
  const at = revision === undefined ? '' : ` at ${revision}`;
  return `${value}${at}${stalenessMs === undefined ? '' : `, ${stalenessMs} ms stale`}`;
}

function short(digest: string): string {
  return digest === ABSENT ? 'absent' : digest.replace(/^sha256:/, '').slice(0, 8);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
