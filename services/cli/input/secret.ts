import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/** Asks a line of whoever sits there, or takes the next of standard input. */
export interface Prompt {
  /** Somebody sits there. */
  readonly isInteractive: boolean;
  /** What is typed is not shown where `isSecret`. */
  ask(question: string, isSecret: boolean, signal: AbortSignal): Promise<string>;
}

export function createPrompt(input: ReadStream, output: NodeJS.WritableStream): Prompt {
  let lines: AsyncIterator<string> | undefined;
  return {
    isInteractive: input.isTTY,
    ask: async (question, isSecret, signal) => {
      if (!input.isTTY) {
        // One reader for all lines: another would lose what this one has read ahead.
        lines ??= createInterface({ input })[Symbol.asyncIterator]();
        const next = await lines.next();
        return next.done === true ? '' : next.value;
      }
      output.write(question);
      const shown = isSecret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : output;
      const reader = createInterface({ input, output: shown, terminal: true });
      try {
        return await reader.question('', { signal });
      } finally {
        reader.close();
        if (isSecret) output.write('\n');
      }
    },
  };
}
