import type { Subject } from '#test/contract/etcd/stores.ts';
import { gatedStore, type GatedStore } from './gated-store.ts';
import { newWorld, openRegion, REGIONS, type TestRegion } from './regions.ts';

const LONG_MS = 60_000;

/** Two regions, `eu` with a clock of the test's own: it reads the head only when it is asked something, and its watch can be held. */
export interface LateRegion {
  readonly us: TestRegion;
  readonly eu: TestRegion;
  /** What `eu` asks of etcd from now on. */
  readonly gate: GatedStore;
  /** Has so much time pass at `eu` that its view counts as old. */
  readonly age: () => void;
}

export async function openLateRegion({ client }: Subject): Promise<LateRegion> {
  const world = newWorld();
  const gate = gatedStore(client);
  let nowMs = 1_000_000;
  const clock = { monotonicMs: () => nowMs, nowMs: () => nowMs };
  const settings = { headEveryMs: LONG_MS, maxStuckMs: LONG_MS };
  const us = await openRegion({ etcd: client, client, world });
  // As their storages would, which are told the catalog's epochs with each hold.
  for (const region of REGIONS) world.epochs[region] = us.view.epoch(region) ?? 0;
  const eu = await openRegion({ etcd: gate, client, world, region: 'eu', settings, clock });
  gate.ranges.length = 0;
  gate.txns.length = 0;
  return { us, eu, gate, age: () => void (nowMs += LONG_MS / 2) };
}
