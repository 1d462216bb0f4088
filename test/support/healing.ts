import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { open, send } from './registry-client.ts';

/** A verification or repair as the API tells of it. */
export interface ToldHealing {
  readonly region: string;
  readonly running: boolean;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly failure?: string;
  readonly total: number;
  readonly checked: number;
  readonly bytes: number;
  readonly damaged: number;
  readonly missing: number;
  readonly repaired: number;
  readonly lost: number;
  readonly digests: {
    readonly damaged: string[];
    readonly missing: string[];
    readonly lost: string[];
  };
}

export type HealingWork = 'verify' | 'repair';

export async function startHealing(
  registry: string,
  region: string,
  work: HealingWork,
  repository?: string,
): Promise<ToldHealing> {
  const path = `/meridian/v1/regions/${region}/${work}`;
  const body = repository === undefined ? '' : JSON.stringify({ repository });
  const answer = await send(registry, 'POST', path, { body });
  if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${answer.body.toString()}`);
  return JSON.parse(answer.body.toString()) as ToldHealing;
}

export async function toldHealing(registry: string, region: string, work: HealingWork): Promise<ToldHealing> {
  const answer = await send(registry, 'GET', `/meridian/v1/regions/${region}/${work}`);
  return JSON.parse(answer.body.toString()) as ToldHealing;
}

/** Has a region verified or repaired, through whatever region's front end, and waits for the end. */
export async function healNow(
  registry: string,
  region: string,
  work: HealingWork,
  repository?: string,
): Promise<ToldHealing> {
  await startHealing(registry, region, work, repository);
  for (;;) {
    const told = await toldHealing(registry, region, work);
    if (!told.running) return told;
    await pause(20);
  }
}

/** Gets a blob: 'whole', 'cut off' before its end, or 'refused' with a sentence. Throws where wrong bytes came for the whole, or no answer. */
export async function getBlob(
  registry: string,
  repository: string,
  { digest, bytes }: { digest: string; bytes: Buffer },
): Promise<'whole' | 'cut off' | `refused ${number}`> {
  const response = await open(registry, 'GET', `/v2/${repository}/blobs/${digest}`);
  const hash = createHash('sha256');
  let received = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      hash.update(chunk);
      received += chunk.length;
    }
  } catch {
    if (received < bytes.length) return 'cut off';
    throw new Error(`All ${received} bytes of ${digest} came before the connection broke.`);
  }
  if (response.statusCode !== 200) return `refused ${response.statusCode ?? 0}`;
  if (digest.endsWith(hash.digest('hex'))) return 'whole';
  throw new Error(`${digest} came with other bytes.`);
}
