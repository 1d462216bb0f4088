import { RegistryError } from './oci/errors.ts';
import { quote } from './oci/quote.ts';
import { HASH_BYTES } from './summary-tree.ts';
import { MAX_PREFIXES, type KnownSummary } from './summary-walk.ts';

/** Checks what another process asks of a summary. Throws REQUEST_INVALID and TOO_LARGE. */
export function parseKnown(known: readonly KnownSummary[]): readonly KnownSummary[] {
  parsePrefixes(
    known.map(({ prefix }) => prefix),
    [0, 2, 4],
  );
  const wrong = known.find(({ hash }) => hash.length !== HASH_BYTES);
  if (wrong === undefined) return known;
  throw new RegistryError(
    'REQUEST_INVALID',
    `A hash of ${HASH_BYTES} bytes was expected, but one of ${wrong.hash.length} came.`,
  );
}

/** `lengths` are how many digits a prefix may have. */
export function parsePrefixes(prefixes: readonly string[], lengths: readonly number[]): readonly string[] {
  if (prefixes.length > MAX_PREFIXES) {
    throw new RegistryError(
      'TOO_LARGE',
      `The call names ${prefixes.length} prefixes; at most ${MAX_PREFIXES} are accepted.`,
    );
  }
  const wrong = prefixes.find((prefix) => !lengths.includes(prefix.length) || !/^[0-9a-f]*$/.test(prefix));
  if (wrong === undefined) return prefixes;
  throw new RegistryError(
    'REQUEST_INVALID',
    `A prefix of ${lengths.join(' or ')} hexadecimal digits was expected, but ${quote(wrong)} came.`,
  );
}
