import { RegistryError } from './errors.ts';
import { quote } from './quote.ts';

/** A piece of a blob, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A chunk of an upload, in bytes; both ends belong to it. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads `Range: bytes=…` for content of `size` bytes. Undefined means the whole: no header, another unit, several
 * ranges, a malformed one, and any range of no content, since some clients always send one. Throws RANGE_INVALID when
 * the range lies beyond the content or ends before it starts (which HTTP would let us ignore; the conformance suite asks
 * for the error).
 * https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '');
  if (match === null || size === 0) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : suffix(Number(last), size);
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) {
    throw new RegistryError(
      'RANGE_INVALID',
      `The range ${quote(match[0])} can't be served: the content has ${size} bytes.`,
      { detail: { size } },
    );
  }
  return { offset: start, length: end - start + 1 };
}

/**
 * Reads an upload's `Content-Range`: the spec's `0-99`, and `bytes 0-99/*` as HTTP has it. Throws RANGE_INVALID.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks
 */
export function parseContentRange(header: string): ChunkRange {
  const match = /^(?:bytes[ =])?(\d+)-(\d+)(?:\/(?:\d+|\*))?$/i.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  // A number that isn't safe would be rounded, and the chunk would land elsewhere than the client said.
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start <= end) return { start, end };
  throw new RegistryError(
    'RANGE_INVALID',
    `The Content-Range ${quote(header)} is not valid: expected the positions of the chunk's first and last byte, such as 0-99.`,
  );
}

/** The last `length` bytes: the whole where it is shorter. */
function suffix(length: number, size: number): ByteRange {
  if (length === 0) {
    const message = 'The last 0 bytes are no range that can be served.';
    throw new RegistryError('RANGE_INVALID', message, { detail: { size } });
  }
  const served = Math.min(length, size);
  return { offset: size - served, length: served };
}
