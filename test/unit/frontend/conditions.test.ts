import { describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { allowsRange, isNotModified, readCondition } from '#services/frontend/http/conditions.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('isNotModified', () => {
  it.each<[string | undefined, boolean]>([
    [undefined, false],
    ['', false],
    [`"${digest}"`, true],
    [`W/"${digest}"`, true],
    [`"x" , "${digest}"`, true],
    [' * ', true],
    [digest, false],
    [`"${digest}x"`, false],
  ])('%j: %s', (header, expected) => {
    expect(isNotModified(header, digest)).toBe(expected);
  });
});

describe('allowsRange', () => {
  it.each<[string | undefined, boolean]>([
    [undefined, true],
    [`"${digest}"`, true],
    [`W/"${digest}"`, false],
    ['Wed, 21 Oct 2015 07:28:00 GMT', false],
  ])('%j: %s', (header, expected) => {
    expect(allowsRange(header, digest)).toBe(expected);
  });
});

describe('readCondition', () => {
  it.each([
    [undefined, ''],
    ['*', '*'],
    [`"${digest}"`, digest],
    [` ${digest} `, digest],
  ])('reads %j as %j', (header, expected) => {
    expect(readCondition('If-Match', header)).toBe(expected);
  });

  it.each(['', '"x"', `"${digest}", "${digest}"`, `W/"${digest}"`, `"${digest}`])('refuses %j', (header) => {
    const read = (): string => readCondition('If-Match', header);
    expect(read).toThrow(RegistryError);
    expect(read).toThrow(/If-Match/);
  });
});
