/*
 * The few types of DER of which certificates consist, each as a value that is ready to stand in another.
 * https://www.itu.int/rec/T-REC-X.690
 */

export function sequence(...contents: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...contents);
}

export function set(...contents: readonly Uint8Array[]): Buffer {
  return tagged(0x31, ...contents);
}

/** A number of zero or more, its bytes from the greatest to the least. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.alloc(1) : bytes.subarray(first);
  // The first bit would make it a negative one.
  return tagged(0x02, ...((digits[0] ?? 0) > 0x7f ? [Buffer.alloc(1)] : []), digits);
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}

export function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text));
}

export function octets(content: Uint8Array): Buffer {
  return tagged(0x04, content);
}

/** `unused` bits at the end of the last byte are none. */
export function bits(content: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), content);
}

export const TRUE = Buffer.from([0x01, 0x01, 0xff]);

/** To the second; in four digits of the year from 2050 on, as certificates have it. https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5 */
export function time(at: Date): Buffer {
  const digits = at
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
  return at.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}

/** A value that the place it stands in tells by a number, in the place of its own type or around a value that has it. */
export function numbered(number: number, kind: 'plain' | 'constructed', content: Uint8Array): Buffer {
  return tagged((kind === 'plain' ? 0x80 : 0xa0) | number, content);
}

function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

function base128(number: number): number[] {
  const bytes = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(0x80 | (rest % 128));
  }
  return bytes;
}
