/** Lets those who wait pass while it is open. */
export interface Gate {
  readonly open: () => void;
  /** Who comes from now on waits again. */
  readonly shut: () => void;
  /** Everyone who waits, and whoever comes later, gets this error. */
  readonly fail: (error: unknown) => void;
  opened(): Promise<void>;
}

export function createGate(): Gate {
  let isOpen = false;
  let state = newState();
  return {
    open: () => {
      isOpen = true;
      state.resolve(undefined);
    },
    shut: () => {
      if (isOpen) state = newState();
      isOpen = false;
    },
    fail: (error) => {
      state.reject(error);
    },
    opened: () => state.promise,
  };
}

function newState(): PromiseWithResolvers<undefined> {
  const state = Promise.withResolvers<undefined>();
  // The one who waits hears of a failure; nobody may.
  state.promise.catch(() => undefined);
  return state;
}
