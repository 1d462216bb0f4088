import { RegistryError } from '#libs/oci/errors.ts';
import { parseRange, type ByteRange } from '#libs/oci/range.ts';
import type { Content } from '../content/reader.ts';
import { allowsRange } from '../http/conditions.ts';
import { header, type RequestContext } from '../http/context.ts';

/** What the client asks for of a blob; undefined: the whole. Throws RANGE_INVALID, with the header that belongs to it. */
export function rangeOf(ctx: RequestContext, { digest, size }: Content): ByteRange | undefined {
  if (!allowsRange(header(ctx, 'if-range'), digest)) return undefined;
  try {
    return parseRange(header(ctx, 'range'), size);
  } catch (error) {
    if (error instanceof RegistryError) ctx.set('Content-Range', `bytes */${size}`);
    throw error;
  }
}

/** What the header says of a body: names and values in turns. */
export function bodyFields(size: number, range?: ByteRange): string[] {
  const fields = ['Content-Type', 'application/octet-stream'];
  fields.push('Content-Length', String(range?.length ?? size));
  if (range === undefined) return fields;
  const { offset, length } = range;
  return [...fields, 'Content-Range', `bytes ${offset}-${offset + length - 1}/${size}`];
}
