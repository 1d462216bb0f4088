/*
 * Most bytes have an owner who may look at them again. Those that come from a socket have none: whoever gets them last may do with their
 * memory what he wants, as handing it to another thread, which takes it from this one.
 */

const given = new WeakSet<ArrayBufferLike>();

/** Says that nobody but who gets these bytes has their memory, which holds nothing else. */
export function giveAway<T extends Uint8Array>(bytes: T): T {
  if (bytes.byteLength === bytes.buffer.byteLength) given.add(bytes.buffer);
  return bytes;
}

/** Whether whoever has these bytes may end their memory. */
export function isGivenAway(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength && given.has(bytes.buffer);
}
