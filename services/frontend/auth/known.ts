import { createAuthState, type AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { AuthEntry } from '#types/meridian/v1/AuthEntry.ts';
import type { AuthFrame } from '#types/meridian/v1/AuthFrame.ts';
import type { Position } from '#types/meridian/v1/Position.ts';

/** Identities and permissions as this front end knows them, from the frames that it follows. */
export interface KnownAuth {
  /** Throws UNAVAILABLE before the first state, and once the state is older than may be relied on. */
  state(): AuthState;
  /** How long ago the state was last known to be current. */
  stalenessMs(): number;
  /** Resolves once a change at that position is known here, or `limitMs` have passed. */
  reached(position: Position | null, limitMs: number, signal: AbortSignal): Promise<void>;
  /** Whether the first administrator has been made; undefined while nothing is known. */
  administered(): boolean | undefined;
  /** The next frame; the first of each stream has `reset` set. */
  apply(frame: AuthFrame): void;
}

export interface KnownAuthOptions {
  /** The longest that a state is relied on without a word that it is current. */
  readonly staleMs: number;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
}

export function createKnownAuth({ staleMs, now }: KnownAuthOptions): KnownAuth {
  const state = createAuthState();
  let told: { position: Position; at: number; administered: boolean } | undefined;
  /** What came of a state or a change that is not complete yet. */
  let coming: { reset: boolean; entries: AuthEntry[] } = { reset: false, entries: [] };
  const waiting = new Set<() => void>();

  const stalenessMs = (): number =>
    told === undefined ? Infinity : told.position.stalenessMs + now() - told.at;
  const isReached = (position: Position): boolean =>
    told !== undefined &&
    (told.position.catalogId !== position.catalogId || told.position.revision >= position.revision);
  return {
    state: () => {
      if (stalenessMs() <= staleMs) return state;
      throw told === undefined ? neverKnown() : tooOld(stalenessMs());
    },
    stalenessMs,
    administered: () => told?.administered,
    reached: async (position, limitMs, signal) => {
      if (position === null || isReached(position)) return;
      const over = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
      const done = Promise.withResolvers<undefined>();
      const look = (): void => {
        if (over.aborted || isReached(position)) done.resolve(undefined);
      };
      waiting.add(look);
      over.addEventListener('abort', look);
      await done.promise;
      waiting.delete(look);
      over.removeEventListener('abort', look);
    },
    apply: ({ reset, more, entries, position, administered }) => {
      if (reset) coming = { reset: true, entries: [] };
      coming.entries.push(...entries);
      if (more) return;
      const change = coming;
      coming = { reset: false, entries: [] };
      if (change.reset || change.entries.length > 0) state.apply(change);
      if (position !== null) told = { position, at: now(), administered };
      for (const look of waiting) look();
    },
  };
}

function neverKnown(): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    'This front end has not heard yet who may do what, so it lets nobody in. Try again in a moment, or through another region.',
  );
}

function tooOld(ageMs: number): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region has not heard for ${Math.round(ageMs / 1000)} s who may do what, longer than it relies on what it knew. Try again through another region.`,
  );
}
