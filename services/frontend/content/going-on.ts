import type { ByteRange } from '#libs/oci/range.ts';
import { Unanswered } from '#libs/rpc/errors.ts';

/** The bytes of `part`, from `source` and, should its service go away midway, the rest from elsewhere. */
export async function* goingOn(
  source: AsyncIterable<Uint8Array>,
  { offset, length }: ByteRange,
  elsewhere: (rest: ByteRange) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let given = 0;
  try {
    for await (const bytes of source) {
      given += bytes.byteLength;
      yield bytes;
    }
    return;
  } catch (error) {
    if (!(error instanceof Unanswered) || given === 0 || given === length) throw error;
  }
  yield* elsewhere({ offset: offset + given, length: length - given });
}
