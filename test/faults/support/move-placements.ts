import { setTimeout as pause } from 'node:timers/promises';
import { send } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';

/** A repository with regions of its own, or all whose names fit a rule. */
export type Placeable = { readonly repository: string } | { readonly pattern: string };

export interface Moves {
  readonly regions: readonly { readonly name: string; readonly registry: string }[];
  readonly placeables: readonly Placeable[];
  readonly seed: number;
  readonly signal: AbortSignal;
}

export interface Moved {
  changes: number;
  /** Those that went back to where it was before. */
  returns: number;
  failed: number;
}

const PAUSE_MS = { min: 150, max: 900 };
const RETURNS = 0.4;
const TIMEOUT_MS = 10_000;

/** Sets where the content may be. Throws where that is refused. */
export async function place(
  registry: string,
  placeable: Placeable,
  regions: readonly string[],
): Promise<void> {
  const [path, settings] =
    'repository' in placeable
      ? [`repositories/${placeable.repository}/settings`, { regions }]
      : ['settings', { placements: [{ pattern: placeable.pattern, regions }] }];
  const { status, body } = await send(registry, 'PATCH', `/meridian/v1/${path}`, {
    body: JSON.stringify(settings),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (status !== 200) throw new Error(`The placement gives ${status}: ${body.toString()}`);
}

/** Moves content back and forth between sets of regions, one thing after the other, until `signal` aborts. */
export async function movePlacements({ regions, placeables, seed, signal }: Moves): Promise<Moved> {
  const random = seededRandom(seed);
  const choose = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const names = regions.map(({ name }) => name);
  const before = new Map<Placeable, readonly string[]>();
  const now = new Map<Placeable, readonly string[]>();
  const moved: Moved = { changes: 0, returns: 0, failed: 0 };
  while (!signal.aborted) {
    const placeable = choose(placeables);
    const returning = random() < RETURNS ? before.get(placeable) : undefined;
    const chosen = names.filter(() => random() < 0.5);
    const next = returning ?? (chosen.length > 0 ? chosen : [choose(names)]);
    try {
      await place(choose(regions).registry, placeable, next);
      before.set(placeable, now.get(placeable) ?? names);
      now.set(placeable, next);
      moved.changes += 1;
      if (returning !== undefined) moved.returns += 1;
    } catch {
      moved.failed += 1;
    }
    await pause(PAUSE_MS.min + random() * (PAUSE_MS.max - PAUSE_MS.min));
  }
  return moved;
}
