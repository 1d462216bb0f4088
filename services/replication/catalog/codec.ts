import type { z } from 'zod';
import { RegistryError } from '#libs/oci/errors.ts';

/** How one kind of record is written in etcd. Equal values are encoded to equal bytes, so transactions can compare them. */
export interface Codec<T> {
  encode(value: T): Buffer;
  /** Throws INTERNAL for bytes of another format; `key` is for the message. */
  decode(bytes: Uint8Array, key: string): T;
}

/** The format that this version writes, and the only one it reads. */
const FORMAT = 1;

/** Compact JSON with the number of its format; the fields stand in the schema's order. */
export function jsonCodec<S extends z.ZodType<object>>(schema: S): Codec<z.infer<S>> {
  return {
    encode: (value) => Buffer.from(JSON.stringify({ schema: FORMAT, ...schema.parse(value) })),
    decode: (bytes, key) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
      try {
        const value = JSON.parse(text) as { schema?: unknown };
        if (value.schema !== FORMAT) throw new Error(`Its format is ${String(value.schema)}.`);
        return schema.parse(value);
      } catch (cause) {
        throw new RegistryError(
          'INTERNAL',
          `The record at ${key} in etcd is not one that this version of Meridian reads (format ${FORMAT}). It was written by a ` +
            'newer version or by hand: upgrade this process, or repair the record.',
          { cause },
        );
      }
    },
  };
}
