import { setTimeout } from 'node:timers/promises';
import type { AuthState } from '#libs/auth/state.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, type AuthOptions, type Plan, type Unchanged } from './change.ts';
import { replaceAll, rotateNow, rotationDue } from './rotation.ts';

/** What a change of several keys tells: none of them. */
const KEYS = { kind: 'key', name: '', record: undefined } as const;

/** `Auth.RotateKeys`. */
export function createRotateKeys(options: AuthOptions): Auth['rotateKeys'] {
  return ({ dropAll }, { signal }) => {
    const nowMs = Math.round(options.clock.nowMs());
    const plan = (known: AuthState): Plan => {
      const keys = known.signingKeys();
      return { operations: dropAll ? replaceAll(keys, nowMs) : rotateNow(keys, nowMs), about: KEYS };
    };
    return changeAuth(options, plan, signal);
  };
}

/** Rotates the keys in time, until `signal` aborts. All processes do this; the one whose change comes first has done it for all. */
export async function rotateInTime(
  options: AuthOptions & { readonly onFault: (error: unknown) => void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await rotateIfDue(options, signal).catch((error: unknown) => {
      if (!signal.aborted) options.onFault(error);
    });
    await setTimeout(options.settings.keyLookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

async function rotateIfDue(options: AuthOptions, signal: AbortSignal): Promise<void> {
  const { known, clock, settings, view } = options;
  const due = (keys: AuthState): ReturnType<typeof rotationDue> =>
    rotationDue(keys.signingKeys(), settings, Math.round(clock.nowMs()));
  if (!view.isAdministered() || due(known).length === 0) return;
  const plan = (now: AuthState): Plan | Unchanged => {
    const operations = due(now);
    return operations.length === 0 ? { about: KEYS, version: 0 } : { about: KEYS, operations };
  };
  await changeAuth(options, plan, signal);
}
