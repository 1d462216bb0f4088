import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

/** Standard output or error: a terminal, a file or a pipe. */
export type OutputStream = Pick<WriteStream, 'write' | 'once'> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};
export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';

/** One of the two streams that the program writes to. */
export interface Terminal {
  /** False where the output goes to a file or another program: no bars, no colours. */
  readonly isInteractive: boolean;
  readonly columns: number;
  /** Writes a line; resolves when the next one may be written. */
  print(line: string): Promise<void>;
  /** Writes text as it is; for what is drawn over again. */
  draw(text: string): void;
  /** Colours only on a terminal, and never where NO_COLOR asks for none. https://no-color.org */
  style(style: Style, text: string): string;
}

const DEFAULT_COLUMNS = 80;

export function createTerminal(stream: OutputStream, env: Readonly<NodeJS.ProcessEnv>): Terminal {
  const isInteractive = stream.isTTY === true && env['TERM'] !== 'dumb';
  const isColoured = isInteractive && (env['NO_COLOR'] ?? '') === '';
  return {
    isInteractive,
    get columns() {
      return stream.columns ?? DEFAULT_COLUMNS;
    },
    print: async (line) => {
      if (!stream.write(`${line}\n`)) await once(stream as WriteStream, 'drain');
    },
    draw: (text) => {
      stream.write(text);
    },
    style: (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text),
  };
}
