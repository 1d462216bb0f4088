import { pino, type DestinationStream } from 'pino';

/** With more text than this the write does not wait for the other lines of its turn. */
const MAX_WAITING_CHARACTERS = 16 * 1024;

/** Standard output. Lines of one turn of the event loop leave in one write at its end, and at the latest with the process. */
export function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  let waiting = '';
  let isDue = false;
  const flush = (): void => {
    isDue = false;
    const lines = waiting;
    waiting = '';
    if (lines !== '') output.write(lines);
  };
  process.once('exit', flush);
  return {
    write: (line) => {
      waiting += line;
      if (waiting.length > MAX_WAITING_CHARACTERS) flush();
      if (isDue || waiting === '') return;
      isDue = true;
      setImmediate(flush);
    },
  };
}
