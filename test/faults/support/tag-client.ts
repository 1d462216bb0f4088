import type { Answer } from '#test/support/registry-client.ts';
import { send } from '#test/support/registry-client.ts';
import { makeSmallImage, putManifest } from './small-image.ts';
import { ABSENT, type TagAction, type TagOperation, type TagOutcome } from './tag-history.ts';

/** One who works on tags and writes down what he asked and what he was told. */
export interface TagClient {
  /** The revision that his latest write returned; 0 before. */
  readonly revision: number;
  perform(region: Registry, tag: string, action: Wanted): Promise<TagOperation>;
}

export interface Registry {
  readonly name: string;
  readonly registry: string;
}

/** What is to be done; a put's manifest is made for it. */
export type Wanted =
  Omit<Extract<TagAction, { kind: 'put' }>, 'digest'> | Exclude<TagAction, { kind: 'put' }>;

export interface TagClientOptions {
  readonly name: string;
  readonly repository: string;
  /** Each operation is added when it begins, as one of unknown outcome, and replaced when it ends. */
  readonly history: TagOperation[];
  /** After this the client gives up, and the outcome is unknown. */
  readonly timeoutMs: number;
  readonly now: () => number;
}

export function createTagClient({ name, repository, history, timeoutMs, now }: TagClientOptions): TagClient {
  let own: { catalogId: string; revision: number } | undefined;
  let made = 0;
  return {
    get revision() {
      return own?.revision ?? 0;
    },
    perform: async (region, tag, wanted) => {
      const image = makeSmallImage(`${name}/${made++}`);
      const action: TagAction = wanted.kind === 'put' ? { ...wanted, digest: image.digest } : wanted;
      const begun = {
        client: name,
        region: region.name,
        tag,
        action: withRevision(action, own?.revision),
        invokedAt: now(),
      };
      const open: TagOperation = {
        ...begun,
        returnedAt: Infinity,
        outcome: { kind: 'unknown', why: 'no answer yet' },
      };
      const index = history.push(open) - 1;
      const headers = headersOf(action, own);
      const signal = AbortSignal.timeout(timeoutMs);
      const path = `/v2/${repository}/manifests/${tag}`;
      const asked =
        action.kind === 'put'
          ? putManifest(region.registry, repository, tag, image.manifest, { headers, signal })
          : send(region.registry, action.kind === 'delete' ? 'DELETE' : 'HEAD', path, { headers, signal });
      const outcome = await asked.then(
        (answer) => outcomeOf(action, answer),
        (error: unknown) => outcomeOfFailure(error as NodeJS.ErrnoException),
      );
      const returnedAt = outcome.kind === 'unknown' ? Infinity : now();
      const operation: TagOperation = { ...begun, returnedAt, outcome };
      history[index] = operation;
      if (action.kind !== 'read' && outcome.kind === 'ok') {
        const answer = await asked;
        own = revisionOf(answer) ?? own;
      }
      return operation;
    },
  };
}

function withRevision(action: TagAction, revision: number | undefined): TagAction {
  if (action.kind !== 'read' || action.how !== 'own' || revision === undefined) return action;
  return { ...action, minRevision: revision };
}

function headersOf(
  action: TagAction,
  own: { catalogId: string; revision: number } | undefined,
): Record<string, string> {
  if (action.kind !== 'read') {
    const { condition } = action;
    if (condition === undefined) return {};
    return { [condition.header]: condition.value === '*' ? '*' : `"${condition.value}"` };
  }
  if (action.how === 'strong') return { 'meridian-consistency': 'strong' };
  if (action.how === 'bounded' || own === undefined) return {};
  return { 'meridian-min-revision': `${own.catalogId}:${own.revision}` };
}

function outcomeOf(action: TagAction, answer: Answer): TagOutcome {
  const { status, headers } = answer;
  const position = revisionOf(answer);
  const revision = position === undefined ? {} : { revision: position.revision };
  if (action.kind === 'read') {
    if (status === 404) return { kind: 'ok', digest: ABSENT };
    if (status !== 200) return { kind: 'failed', why: String(status) };
    return {
      kind: 'ok',
      digest: String(headers['docker-content-digest']),
      stalenessMs: 1_000 * Number(headers['meridian-staleness']),
      warned: headers.warning !== undefined,
      ...revision,
    };
  }
  if (status === 201 || status === 202) return { kind: 'ok', ...revision };
  if (status === 412 || (status === 404 && action.kind === 'delete')) return { kind: 'refused' };
  const why = `${status} ${answer.body.toString().slice(0, 300)}`;
  // Everything else says that nothing was changed, unless it says that this is not known.
  const isKnown = status === 503 && !why.includes('"outcomeUnknown":true');
  return { kind: isKnown ? 'failed' : 'unknown', why };
}

/** Only what reached nobody is known to have changed nothing. */
function outcomeOfFailure({ code, message }: NodeJS.ErrnoException): TagOutcome {
  return { kind: code === 'ECONNREFUSED' ? 'failed' : 'unknown', why: message };
}

function revisionOf({ headers }: Answer): { catalogId: string; revision: number } | undefined {
  const [catalogId, revision] = String(headers['meridian-revision'] ?? '').split(':');
  if (catalogId === undefined || revision === undefined) return undefined;
  return { catalogId, revision: Number(revision) };
}
