import type { Logger } from '#libs/telemetry/log.ts';
import type { TlsFileSet } from './check.ts';
import type { Renewed } from './identity.ts';
import { openRenewing, type RenewalEvents, type Renewing } from './renewing.ts';

/** Looks after all certificates of a process. */
export interface TlsKeeper {
  /** Reads the files, where there are any to read. Throws a ConfigError where they can't be used. */
  open<Files extends TlsFileSet>(files: Files): Renewed<Files>;
  open<Files extends TlsFileSet>(files: Files | undefined): Renewed<Files> | undefined;
  /** Takes what is in the files now; undefined where there are none. */
  readonly reload: (() => void) | undefined;
  close(): void;
}

/** How often files are looked at: new ones are in use after two looks, so that half of a pair is not taken for the whole. */
const LOOK_INTERVAL_MS = 2_000;

export function keepTls(events: RenewalEvents): TlsKeeper {
  const kept: Renewing<TlsFileSet>[] = [];
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const look = (atOnce: boolean): void => {
    for (const files of kept) {
      files.look(atOnce, closing.signal).catch((error: unknown) => events.onRefused(String(error)));
    }
  };
  const open = <Files extends TlsFileSet>(files: Files | undefined): Renewed<Files> | undefined => {
    if (files === undefined) return undefined;
    const renewing = openRenewing(files, events, Date.now);
    kept.push(renewing);
    timer ??= setInterval(() => look(false), LOOK_INTERVAL_MS).unref();
    return renewing;
  };
  return {
    open: open as TlsKeeper['open'],
    get reload() {
      return kept.length === 0 ? undefined : () => look(true);
    },
    close: () => {
      clearInterval(timer);
      closing.abort(new Error('The process stops.'));
    },
  };
}

/** Lines of the log. */
export function toldToLog(log: Logger): RenewalEvents {
  return {
    onRenewed: ({ cert }) => log.info({ cert }, 'New connections use the new certificate.'),
    onRefused: (why) => log.error({ why }, 'A new certificate is not used; the one before stays in use.'),
  };
}
