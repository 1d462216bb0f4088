import { pino, type DestinationStream } from 'pino';

/** Lines wait so long for others to leave with: a write for each would take longer than many a request. */
const LATEST_MS = 5;

/** With more text than this the write does not wait. */
const MAX_WAITING_CHARACTERS = 16 * 1024;

/** Standard output. Lines leave together, within some milliseconds, and at the latest with the process. */
export function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  let waiting = '';
  let due: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(due);
    due = undefined;
    const lines = waiting;
    waiting = '';
    if (lines !== '') output.write(lines);
  };
  process.once('exit', flush);
  return {
    write: (line) => {
      waiting += line;
      if (waiting.length > MAX_WAITING_CHARACTERS) flush();
      else due ??= setTimeout(flush, LATEST_MS).unref();
    },
  };
}
