import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { FromGenerator, LoadPlan, LoadResult, ToGenerator } from './work.ts';

/** The generator's process, as who measures sees it. */
export interface Generator {
  /** Opens connections and computes what is to be sent. */
  prepare(plan: LoadPlan): Promise<void>;
  /** Does what was prepared last. */
  go(): Promise<LoadResult>;
  close(): Promise<void>;
}

export function startGenerator(): Generator {
  const child = fork(join(import.meta.dirname, 'generator.ts'), { execArgv: [] });
  const ask = async (message: ToGenerator): Promise<FromGenerator> => {
    const ended = new AbortController();
    const answered = once(child, 'message', { signal: ended.signal });
    const exited = once(child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('The load generator ended.');
    });
    try {
      child.send(message);
      const [answer] = (await Promise.race([answered, exited])) as [FromGenerator];
      if (answer.kind === 'failed') throw new Error(`The load generator failed: ${answer.message}`);
      return answer;
    } finally {
      answered.catch(() => undefined);
      exited.catch(() => undefined);
      ended.abort();
    }
  };
  return {
    prepare: async (plan) => {
      await ask({ kind: 'prepare', plan });
    },
    go: async () => {
      const answer = await ask({ kind: 'go' });
      if (answer.kind !== 'result') throw new Error(`The load generator answered ${answer.kind}.`);
      return answer.result;
    },
    close: async () => {
      if (!child.connected) return;
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
