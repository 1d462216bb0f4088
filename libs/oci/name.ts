import { RegistryError } from './errors.ts';
import { quote } from './quote.ts';

declare const brand: unique symbol;

/** A repository's name, such as `team/app`, checked. */
export type RepositoryName = string & { readonly [brand]: 'RepositoryName' };

/** Longest repository name, in bytes. Clients commonly limit registry host and name together to 255. */
export const MAX_REPOSITORY_NAME_BYTES = 255;

const COMPONENT = '[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*';
const PATTERN = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);

/**
 * Throws NAME_INVALID unless the text follows the distribution spec's grammar.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 */
export function parseRepositoryName(text: string): RepositoryName {
  // The grammar admits ASCII only, so characters are bytes.
  if (text.length > MAX_REPOSITORY_NAME_BYTES) {
    throw invalid(text, `expected at most ${MAX_REPOSITORY_NAME_BYTES} bytes, but there are ${text.length}`);
  }
  if (!PATTERN.test(text)) {
    throw invalid(
      text,
      'expected components of lower-case letters and digits, separated by slashes and within a component by one ' +
        'dot, one or two underscores, or hyphens, such as team/my-app',
    );
  }
  return text as RepositoryName;
}

function invalid(text: string, why: string): RegistryError {
  return new RegistryError('NAME_INVALID', `The repository name ${quote(text)} is not valid: ${why}.`);
}
