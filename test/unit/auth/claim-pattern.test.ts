import { expect, it } from 'vitest';
import { matchesClaim, parseClaimPattern } from '#libs/auth/claim-pattern.ts';

const fits = (pattern: string, value: unknown): boolean => matchesClaim(parseClaimPattern(pattern), value);

it.each([
  ['main', 'main', true],
  ['main', 'Main', false],
  ['main', 'main2', false],
  ['repo:team/*:ref:refs/heads/main', 'repo:team/app:ref:refs/heads/main', true],
  ['repo:team/*:ref:refs/heads/main', 'repo:team/a/b:ref:refs/heads/main', false],
  // A branch whose name looks like the rest does not end the star.
  ['repo:team/*:ref:refs/heads/main', 'repo:team/app:pull_request:ref:refs/heads/main', false],
  ['repo:team/app:**', 'repo:team/app:ref:refs/heads/x/y', true],
  ['repo:team/app:**', 'repo:team/app2:ref:refs/heads/x', false],
  ['refs/heads/release-*', 'refs/heads/release-', true],
  ['refs/heads/release-*', 'refs/heads/release-1/2', false],
  ['*a*a*', 'banana', true],
  ['a**', 'a'.repeat(5000), false],
  ['true', true, true],
  ['42', 42, true],
  ['devs', ['ops', 'devs'], true],
  ['devs', ['ops'], false],
  ['devs', [['devs']], false],
  ['a*', null, false],
  ['a*', undefined, false],
  ['[object*', {}, false],
])('%s and %j: %s', (pattern, value, expected) => {
  expect(fits(pattern, value)).toBe(expected);
});

it.each(['', '*', '**', '****', 'a***b', 'x'.repeat(257)])('%j is no pattern', (text) => {
  expect(() => parseClaimPattern(text)).toThrow(
    expect.objectContaining({ code: 'REQUEST_INVALID' }) as Error,
  );
});

it('takes no longer for patterns made to take long', () => {
  expect(fits(`${'a*'.repeat(120)}b`, 'a'.repeat(1000))).toBe(false);
});
