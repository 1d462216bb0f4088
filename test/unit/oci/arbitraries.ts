import fc from 'fast-check';
import { digestOf } from '#libs/oci/digest.ts';

const component = fc
  .tuple(
    word(),
    fc.array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '--', '---'), word()), { maxLength: 3 }),
  )
  .map(([first, rest]) => first + rest.map(([separator, next]) => separator + next).join(''));

/** Repository names built from the grammar, not filtered by the pattern under test. */
export const repositoryNames = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((components) => components.join('/'))
  .filter((name) => name.length <= 255);

export const tags = fc
  .tuple(
    fc.constantFrom(...chars('azAZ09_')),
    fc.string({ unit: fc.constantFrom(...chars('azAZ09_.-')), maxLength: 127 }),
  )
  .map(([first, rest]) => first + rest);

export const digests = fc
  .tuple(fc.uint8Array({ maxLength: 64 }), fc.constantFrom('sha256' as const, 'sha512' as const))
  .map(([bytes, algorithm]) => digestOf(bytes, algorithm));

function word(): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...chars('amz059')), minLength: 1, maxLength: 8 });
}

function chars(text: string): string[] {
  return Array.from(text);
}
