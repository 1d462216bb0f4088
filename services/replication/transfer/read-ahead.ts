/** How much all copies together may have asked for beyond the range that each one needs next. */
export interface ReadAhead {
  /** Takes so many bytes, if they are left; copies that nobody waits for leave half of all to the others. */
  tryTake(bytes: number, isUrgent: boolean): boolean;
  giveBack(bytes: number): void;
}

export function createReadAhead(totalBytes: number): ReadAhead {
  let taken = 0;
  return {
    tryTake: (bytes, isUrgent) => {
      if (taken + bytes > (isUrgent ? totalBytes : totalBytes / 2)) return false;
      taken += bytes;
      return true;
    },
    giveBack: (bytes) => {
      taken -= bytes;
    },
  };
}
