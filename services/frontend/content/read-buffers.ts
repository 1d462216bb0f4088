/** Buffers that are lent out and taken back, so that reading files allocates nothing. */
export interface ReadBuffers {
  take(): Buffer;
  /** Takes a buffer back; nothing may use it any more. */
  give(buffer: Buffer): void;
}

/** At most `max` buffers of `bytes`; while all are lent out, small ones of `scarceBytes` are made that are not kept. */
export function createReadBuffers(options: { max: number; bytes: number; scarceBytes: number }): ReadBuffers {
  const { max, bytes, scarceBytes } = options;
  const free: Buffer[] = [];
  let made = 0;
  return {
    take: () => {
      const buffer = free.pop();
      if (buffer !== undefined) return buffer;
      if (made >= max) return Buffer.allocUnsafeSlow(scarceBytes);
      made += 1;
      return Buffer.allocUnsafeSlow(bytes);
    },
    give: (buffer) => {
      if (buffer.length === bytes) free.push(buffer);
    },
  };
}
