import { giveAway } from '#libs/given-away.ts';
import { carriedBytes, MIN_BYTES } from './carried-bytes.ts';

type Deserialize = (bytes: Buffer) => unknown;

/**
 * The deserializer of a message that may carry a piece of a blob as `data`. A message that carries nothing else has its memory to itself, and who gets
 * it is the only one to look at its bytes: so they are given away.
 */
export function chunkReader(definition: object, deserialize: Deserialize): Deserialize {
  const carried = carriedBytes(definition);
  if (carried === undefined) return deserialize;
  const { key } = carried;
  /** What the other fields are then, by one byte in the place of them all. */
  const others = deserialize(Buffer.from([key, 1, 0])) as object;
  return (message) => {
    const start = message.length < MIN_BYTES || message[0] !== key ? undefined : startOfAll(message);
    return start === undefined
      ? deserialize(message)
      : { ...others, data: giveAway(message.subarray(start)) };
  };
}

/** Where the bytes begin that follow the first key; undefined where they are not all that follows. */
function startOfAll(message: Buffer): number | undefined {
  let length = 0;
  for (let at = 1, factor = 1; at < message.length; at++, factor *= 0x80) {
    const byte = message[at] ?? 0;
    length += (byte & 0x7f) * factor;
    if (byte < 0x80) return length === message.length - at - 1 ? at + 1 : undefined;
  }
  return undefined;
}
