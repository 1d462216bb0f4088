import { RegistryError } from './errors.ts';
import { MAX_REPOSITORY_NAME_BYTES, type RepositoryName } from './name.ts';
import { quote } from './quote.ts';

declare const brand: unique symbol;

/**
 * Stands for repositories by their names, checked. `*` is any part of a component, also an empty one; a component `**` is any number of
 * components: at the end one at least, so that `team/**` is everything below `team`, and elsewhere perhaps none.
 */
export type NamePattern = string & { readonly [brand]: 'NamePattern' };

/** The pattern of all repositories. */
export const ANY_NAME = '**' as NamePattern;

const COMPONENT = /^[a-z0-9._*-]+$/;

/** Throws REQUEST_INVALID. Whether a name could ever fit is not asked: `a..*` is a pattern. */
export function parseNamePattern(text: string): NamePattern {
  if (text.length > MAX_REPOSITORY_NAME_BYTES) {
    throw invalid(
      text,
      `expected at most ${MAX_REPOSITORY_NAME_BYTES} characters, but there are ${text.length}`,
    );
  }
  const wrong = text.split('/').find((component) => !isComponent(component));
  if (wrong === undefined) return text as NamePattern;
  throw invalid(
    text,
    `the component ${quote(wrong)} should be one of a repository's name, in which * stands for any characters, or ** for any components, ` +
      'such as in team/app, team/*-dev or team/**',
  );
}

export function isNamePattern(value: unknown): value is NamePattern {
  const isShort = typeof value === 'string' && value.length <= MAX_REPOSITORY_NAME_BYTES;
  return isShort && value.split('/').every(isComponent);
}

/** Takes time proportional to the pattern's length times the name's, whatever they are. */
export function matchesName(pattern: NamePattern, name: RepositoryName): boolean {
  const firstStar = pattern.indexOf('*');
  if (firstStar < 0) return pattern === (name as string);
  // Most are of this kind: all below a place.
  if (firstStar === pattern.length - 2 && pattern.endsWith('**')) return isBelow(pattern.slice(0, -2), name);
  const wanted = pattern.split('/');
  // At the end `**` is `*` for the first of its components and then any number.
  if (wanted.at(-1) === '**') wanted.splice(-1, 0, '*');
  return matches(wanted, name.split('/'), '**', (component, part) =>
    matches(Array.from(component), Array.from(part), '*', (a, b) => a === b),
  );
}

/** Whether the pattern is one name, with nothing in it that stands for others. */
export function isOneName(pattern: NamePattern): boolean {
  return !pattern.includes('*');
}

/** Whether the name begins so and goes on. */
function isBelow(place: string, name: string): boolean {
  return name.length > place.length && name.startsWith(place);
}

/** Matching with a wildcard: where it goes wrong, the newest wildcard takes one more; an older one need not. */
function matches(
  pattern: readonly string[],
  text: readonly string[],
  wildcard: string,
  same: (pattern: string, text: string) => boolean,
): boolean {
  let p = 0;
  let retryPattern = -1;
  let retryText = 0;
  for (let t = 0; t < text.length;) {
    const wanted = pattern[p];
    if (wanted === wildcard) {
      retryPattern = ++p;
      retryText = t;
    } else if (wanted !== undefined && same(wanted, text[t] ?? '')) {
      p++;
      t++;
    } else if (retryPattern >= 0) {
      p = retryPattern;
      t = ++retryText;
    } else {
      return false;
    }
  }
  while (pattern[p] === wildcard) p++;
  return p === pattern.length;
}

function isComponent(text: string): boolean {
  return COMPONENT.test(text) && (text === '**' || !text.includes('**'));
}

function invalid(text: string, why: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', `The name pattern ${quote(text)} is not valid: ${why}.`);
}
