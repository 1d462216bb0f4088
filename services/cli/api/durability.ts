import { z } from 'zod';
import type { Tools } from '../command.ts';
import { pathOf, type Api } from './client.ts';
import { Refusal } from './refusal.ts';

const answer = z.looseObject({
  digest: z.string(),
  durable: z.boolean(),
  regions: z.array(
    z.looseObject({
      region: z.string(),
      durable: z.boolean(),
      missingBlobs: z.number().nullable(),
      missingBytes: z.number().nullable(),
      why: z.string().optional(),
    }),
  ),
});

export type Durability = z.infer<typeof answer>;

export interface DurabilityQuestion {
  readonly repository: string;
  readonly reference: string;
  readonly regions: readonly string[];
  readonly untilMs: number;
}

/** One request waits so long: where someone watches, the bar should move. */
const WATCHED_WAIT_MS = 1_000;
const WAIT_MS = 30_000;
/** Beside what it waits for, an answer takes. */
const ANSWER_MS = 30_000;

const PASSING = ['MANIFEST_UNKNOWN', 'UNAVAILABLE', 'TOOMANYREQUESTS'];

/** How it stands, after waiting for a while at most; or a refusal that may pass. Throws those that won't. */
export async function askDurability(
  api: Api,
  { repository, reference, regions, untilMs }: DurabilityQuestion,
  { err, now, signal }: Tools,
): Promise<Durability | Refusal> {
  const sliceMs = Math.min(err.isInteractive ? WATCHED_WAIT_MS : WAIT_MS, Math.ceil(untilMs - now()));
  const query = [
    ['reference', reference],
    ...regions.map((region) => ['region', region]),
    ...(sliceMs > 0 ? [['wait', `${sliceMs}ms`]] : []),
  ] as [string, string][];
  const path = pathOf('repositories', repository, 'durability');
  try {
    const timeoutMs = Math.max(0, sliceMs) + ANSWER_MS;
    return await api.request(answer, 'GET', path, { query, timeoutMs, signal });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const told = z.object({ detail: answer }).safeParse(error.detail);
    if (told.success) return told.data.detail;
    if (PASSING.includes(error.errorCode)) return error;
    throw error;
  }
}
