import { countOf, formatBytes, formatCount, formatDuration } from './format.ts';
import type { Terminal } from './terminal.ts';

/** How far a long piece of work is. */
export interface Progress {
  readonly done: number;
  /** Undefined while nobody knows. */
  readonly total?: number | undefined;
  readonly bytes?: number | undefined;
  /** What else is to be said, in a few words. */
  readonly note?: string | undefined;
}

export interface ProgressBar {
  update(progress: Progress): void;
  /** Takes the bar away. */
  end(): void;
}

/** Where no one watches, a line is enough that often. */
const LINE_INTERVAL_MS = 10_000;
const BAR_COLUMNS = 24;
const CLEAR_LINE = '\r\u001b[K';

/** A bar that is drawn over again on a terminal; elsewhere a line now and then. */
export function startProgress(
  terminal: Terminal,
  label: string,
  noun: string,
  now: () => number,
): ProgressBar {
  const startedAt = now();
  let saidAt = startedAt;
  return {
    update: (progress) => {
      const text = `${label}  ${describe(progress, noun, now() - startedAt)}`;
      if (terminal.isInteractive) {
        terminal.draw(CLEAR_LINE + text.slice(0, terminal.columns - 1));
      } else if (now() - saidAt >= LINE_INTERVAL_MS) {
        saidAt = now();
        terminal.draw(`${text}\n`);
      }
    },
    end: () => {
      if (terminal.isInteractive) terminal.draw(CLEAR_LINE);
    },
  };
}

function describe({ done, total, bytes, note }: Progress, noun: string, elapsedMs: number): string {
  const size =
    (bytes === undefined ? '' : `, ${formatBytes(bytes)}`) + (note === undefined ? '' : `, ${note}`);
  if (total === undefined) return `${countOf(done, noun)}${size}, ${formatDuration(elapsedMs)}`;
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(part * BAR_COLUMNS);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_COLUMNS - filled);
  const left = part > 0 && part < 1 ? `, ${formatDuration((elapsedMs * (1 - part)) / part)} left` : '';
  return `${bar} ${Math.floor(part * 100)} %  ${formatCount(done)} of ${countOf(total, noun)}${size}${left}`;
}
