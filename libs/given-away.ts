/*
 * Most bytes have an owner who may look at them again. Those that come from a socket or were read from a file for one reader have none: whoever
 * gets them last may do with their memory what he wants, as handing it to another thread, which takes it from this one, or giving it back
 * without waiting for the garbage collector. That one sees no more of such memory than a small object, and a gigabyte a second of it
 * has the whole heap looked through again and again.
 */

const given = new WeakMap<ArrayBufferLike, Uint8Array>();

/** Around bytes that came in a message there may be a few others, such as its length. */
const MAX_BYTES_AROUND = 64;

/** Says that nobody but who gets these bytes has their memory, which holds nothing else. Of a part of a larger memory it says nothing. */
export function giveAway<T extends Uint8Array>(bytes: T): T {
  const { buffer, byteLength } = bytes;
  if (buffer.byteLength - byteLength <= MAX_BYTES_AROUND) given.set(buffer, bytes);
  return bytes;
}

/** Whether whoever has these bytes may end their memory: they are all that was given away, and no part of it. */
export function isGivenAway(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  const all = given.get(bytes.buffer);
  return all?.byteOffset === bytes.byteOffset && all.byteLength === bytes.byteLength;
}

/** Gives the memory of bytes back that were given away, and does nothing to others. Nobody may look at them afterwards. */
export function giveBack(bytes: Uint8Array): void {
  if (isGivenAway(bytes)) bytes.buffer.transfer(0);
}
