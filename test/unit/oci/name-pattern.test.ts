import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOneName, matchesName, parseNamePattern } from '#libs/oci/name-pattern.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { thrown } from './thrown.ts';

const matches = (pattern: string, name: string): boolean =>
  matchesName(parseNamePattern(pattern), parseRepositoryName(name));

describe('a name pattern', () => {
  it.each([
    ['team/app', 'team/app', true],
    ['team/app', 'team/app2', false],
    ['team/app', 'team/app/web', false],
    ['*', 'app', true],
    ['*', 'team/app', false],
    ['team/*', 'team/app', true],
    ['team/*', 'team', false],
    ['team/*', 'team/app/web', false],
    ['team/*', 'teams/app', false],
    ['team/*-dev', 'team/app-dev', true],
    ['team/*-dev', 'team/app-dev2', false],
    ['team/a*b*c', 'team/abbbc', true],
    ['team/a*b*c', 'team/acbb', false],
    ['**', 'app', true],
    ['**', 'team/app/web', true],
    ['team/**', 'team/app', true],
    ['team/**', 'team/app/web', true],
    ['team/**', 'team', false],
    ['team/**', 'team2/app', false],
    ['**/app', 'app', true],
    ['**/app', 'team/sub/app', true],
    ['**/app', 'team/app/web', false],
    ['team/**/app', 'team/app', true],
    ['team/**/app', 'team/x/y/app', true],
    ['**/a/**', 'a/b', true],
    ['**/a/**', 'x/a', false],
  ])('%s for %s: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  it.each(['', '/', 'team/', '/team', 'Team/*', 'a//b', 'a/***', 'a/x**', 'a b', 'a/?', 'a'.repeat(256)])(
    'is not %j',
    (text) => {
      const error = thrown(() => parseNamePattern(text));
      expect(error.code).toBe('REQUEST_INVALID');
      expect(error.message).toMatch(/is not valid: .+\.$/);
    },
  );

  it('says whether it is one name', () => {
    expect(isOneName(parseNamePattern('team/app'))).toBe(true);
    expect(isOneName(parseNamePattern('team/*'))).toBe(false);
  });

  it('agrees with a regular expression', () => {
    const piece = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', 'a*b', '**');
    const part = fc.constantFrom('a', 'b', 'ab', 'aab', 'abb', 'ba');
    const property = fc.property(
      fc.array(piece, { minLength: 1, maxLength: 5 }),
      fc.array(part, { minLength: 1, maxLength: 6 }),
      (pattern, name) => {
        expect(matches(pattern.join('/'), name.join('/'))).toBe(expression(pattern).test(name.join('/')));
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });

  it('is matched without trying every way in which its stars could divide a name', () => {
    expect(matches(`${'a*'.repeat(100)}b`, 'a'.repeat(255))).toBe(false);
    expect(matches(`${'**/a/'.repeat(50)}b`, Array.from({ length: 127 }, () => 'a').join('/'))).toBe(false);
  });
});

function expression(pattern: readonly string[]): RegExp {
  const parts = pattern.map((piece, index) => {
    const last = index === pattern.length - 1;
    if (piece === '**') return last ? '[^/]+(/[^/]+)*' : '([^/]+/)*';
    return piece.replaceAll('*', '[^/]*') + (last ? '' : '/');
  });
  return new RegExp(`^${parts.join('')}$`);
}
