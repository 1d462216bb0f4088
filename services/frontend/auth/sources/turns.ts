/** Lets work begin when it is its turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export interface TurnsOptions {
  /** How many do their work at a time, and how many more may wait. */
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** What is thrown to who comes when so many wait. */
  readonly tooMany: () => Error;
}

export function createTurns({ maxRunning, maxWaiting, tooMany }: TurnsOptions): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    while (running >= maxRunning) {
      if (waiting.length >= maxWaiting) throw tooMany();
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}
