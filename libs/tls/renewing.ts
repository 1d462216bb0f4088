import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '#libs/config/errors.ts';
import { requireUsable, requireValid, type TlsFileSet } from './check.ts';
import type { Pems, Renewed } from './identity.ts';

/** Told of what is found in the files. */
export interface RenewalEvents {
  readonly onRenewed: (files: TlsFileSet) => void;
  /** `why` says what is wrong with what came; what was there before stays in use. */
  readonly onRefused: (why: string) => void;
}

export interface Renewing<Files> extends Renewed<Files> {
  /** Looks at the files. What is new is taken when it was there at the look before too, unless this is to be `atOnce`. */
  look(atOnce: boolean, signal: AbortSignal): Promise<void>;
}

/** What the files hold now, and after each look that found something better. Throws a ConfigError where that can't be used. */
export function openRenewing<Files extends TlsFileSet>(
  files: Files,
  { onRenewed, onRefused }: RenewalEvents,
  nowMs: () => number,
): Renewing<Files> {
  const listeners = new Set<(pems: Pems<Files>) => void>();
  const paths = Object.entries(files) as [keyof Files, string][];
  let current = Object.fromEntries(paths.map(([name, path]) => [name, readFileSync(path)])) as Pems<Files>;
  requireUsable(files, current);
  let used = textOf(current);
  let seen = used;
  let refused: string | undefined;

  const take = (found: Pems<Files>): void => {
    requireUsable(files, found);
    requireValid(files, found, nowMs());
    current = found;
    used = textOf(found);
    for (const listener of listeners) listener(found);
    onRenewed(files);
  };
  return {
    current: () => current,
    onRenewed: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    look: async (atOnce, signal) => {
      const found = await Promise.all(
        paths.map(async ([name, path]) => [name, await readFile(path, { signal })] as const),
      ).then(
        (entries) => Object.fromEntries(entries) as Pems<Files>,
        (error: unknown) => error as Error,
      );
      if (signal.aborted) return;
      const text = found instanceof Error ? found.message : textOf(found);
      const isSettled = atOnce || text === seen;
      seen = text;
      if (text === used) refused = undefined;
      if (text === used || !isSettled) return;
      try {
        if (found instanceof Error) throw new ConfigError([`${found.message}.`]);
        take(found);
        refused = undefined;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        if (text !== refused) onRefused(error.problems.join(' '));
        refused = text;
      }
    },
  };
}

function textOf(pems: Pems<object>): string {
  return Object.values(pems as Record<string, Buffer>)
    .map((pem) => pem.toString('latin1'))
    .join('\0');
}
