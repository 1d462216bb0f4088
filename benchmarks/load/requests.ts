import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from './connection.ts';
import type { Tally } from './tally.ts';
import type { PlannedRequest, RequestWork } from './work.ts';

/** Work that is ready to run: connections are open, digests computed. `firstEnded` tells of the work that it is done together with. */
export type Prepared = (tally: Tally, firstEnded: AbortSignal) => Promise<void>;

interface ReadyRequest {
  readonly plan: PlannedRequest;
  /** Head and body as they are sent. */
  readonly text: string;
}

/** A connection that fails again and again ends, so that a server that is gone does not keep the processor busy. */
const MAX_FAILURES_IN_A_ROW = 100;

export async function prepareRequests(registry: string, work: RequestWork): Promise<Prepared> {
  const connections = Array.from({ length: work.connections }, () => new Connection(registry));
  await Promise.all(connections.map((connection) => connection.open()));
  const ready = work.requests.map((plan) => ({ plan, text: textOf(connections[0], plan) }));
  return async (tally, firstEnded) => {
    const endAt = performance.now() + (work.durationMs ?? Infinity);
    const limit = work.count ?? Infinity;
    let sent = 0;
    const next = (): ReadyRequest | undefined => {
      if (sent >= limit || performance.now() >= endAt) return undefined;
      if (work.endsWithFirst === true && firstEnded.aborted) return undefined;
      return ready[work.order[sent++ % work.order.length] ?? 0];
    };
    await Promise.all(connections.map((connection) => repeat(connection, next, work.pauseMs, tally)));
    for (const connection of connections) connection.close();
  };
}

async function repeat(
  connection: Connection,
  next: () => ReadyRequest | undefined,
  pauseMs: number | undefined,
  tally: Tally,
): Promise<void> {
  let failures = 0;
  for (let request = next(); request !== undefined && failures < MAX_FAILURES_IN_A_ROW; request = next()) {
    const { plan, text } = request;
    const startedAt = performance.now();
    try {
      const { status, bodyBytes, firstByteAt } = await connection.send(text, plan.method);
      tally.requests += 1;
      tally.bytes += bodyBytes;
      failures = 0;
      if (status !== plan.status) tally.problem(`status ${status} for ${plan.method}`);
      else if (plan.bytes !== undefined && bodyBytes !== plan.bytes) tally.problem('a body of another size');
      else {
        if (firstByteAt > 0) tally.firstByte(firstByteAt - startedAt);
        tally.done(performance.now() - startedAt);
      }
    } catch (error) {
      failures += 1;
      tally.problem((error as Error).message);
    }
    if (pauseMs !== undefined) await pause(pauseMs);
  }
}

function textOf(connection: Connection | undefined, { method, path, headers, body }: PlannedRequest): string {
  const size = body === undefined ? undefined : Buffer.byteLength(body);
  const sent = size === undefined ? {} : { body: { chunks: [], size } };
  const head =
    connection?.head({ method, path, ...(headers === undefined ? {} : { headers }), ...sent }) ?? '';
  return head + (body ?? '');
}
