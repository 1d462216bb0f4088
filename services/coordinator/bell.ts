/** Wakes the one loop that waits for it; rings while nobody waits are kept as one. */
export interface Bell {
  readonly ring: () => void;
  readonly wait: () => Promise<void>;
}

export function createBell(): Bell {
  let rung = Promise.withResolvers<undefined>();
  return {
    ring: () => rung.resolve(undefined),
    wait: async () => {
      await rung.promise;
      rung = Promise.withResolvers();
    },
  };
}
