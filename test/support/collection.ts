import { setTimeout as pause } from 'node:timers/promises';
import { send } from './registry-client.ts';

/** A collection as the API tells of it. */
export interface ToldCollection {
  readonly region: string;
  readonly running: boolean;
  readonly finishedAt?: string;
  readonly failure?: string;
  readonly looked: number;
  readonly removedBlobs: number;
  readonly condemned: number;
}

/** Has a region collect once, through whatever region's front end, and waits for the end. */
export async function collectNow(registry: string, region: string): Promise<ToldCollection> {
  const path = `/meridian/v1/regions/${region}/collection`;
  const started = await send(registry, 'POST', path);
  if (started.status !== 202) throw new Error(`${path}: ${started.status} ${started.body.toString()}`);
  for (;;) {
    const told = JSON.parse((await send(registry, 'GET', path)).body.toString()) as ToldCollection;
    if (!told.running) return told;
    await pause(20);
  }
}

/** What the API says of blobs: a line each. */
export async function explain(
  registry: string,
  region: string,
  ...digests: string[]
): Promise<Record<string, unknown>[]> {
  const query = digests.map((digest) => `digest=${digest}`).join('&');
  const answer = await send(registry, 'GET', `/meridian/v1/regions/${region}/collection/blobs?${query}`);
  const lines = answer.body.toString().trimEnd().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}
