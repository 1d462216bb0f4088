import { describe, expect, it } from 'vitest';
import { errorBody, httpStatusOf, isErrorCode, RegistryError } from '#libs/oci/errors.ts';
import type { ErrorCode } from '#libs/oci/errors.ts';

describe('httpStatusOf', () => {
  it.each<[ErrorCode, number]>([
    ['MANIFEST_UNKNOWN', 404],
    ['DIGEST_INVALID', 400],
    ['UNAUTHORIZED', 401],
    ['DENIED', 403],
    ['UNSUPPORTED', 405],
    ['CONFLICT', 409],
    ['PRECONDITION_FAILED', 412],
    ['TOO_LARGE', 413],
    ['RANGE_INVALID', 416],
    ['TOOMANYREQUESTS', 429],
    ['INTERNAL', 500],
    ['UNAVAILABLE', 503],
  ])('%s is %d', (code, status) => {
    expect(httpStatusOf(code)).toBe(status);
  });
});

describe('isErrorCode', () => {
  it('knows the codes of the table and nothing that objects inherit', () => {
    expect(isErrorCode('BLOB_UNKNOWN')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode('blob_unknown')).toBe(false);
  });
});

describe('RegistryError', () => {
  it('keeps its code, detail, cause and time to wait', () => {
    const cause = new Error('disk');
    const error = new RegistryError('UNAVAILABLE', 'Wait.', {
      cause,
      detail: { region: 'eu' },
      retryAfterSeconds: 5,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'Wait.',
      detail: { region: 'eu' },
      retryAfterSeconds: 5,
    });
    expect(error.cause).toBe(cause);
  });

  it('has a body as the spec draws it, without a detail that was not given', () => {
    const without = errorBody(new RegistryError('TAG_INVALID', 'No.'));
    expect(JSON.stringify(without)).toBe('{"errors":[{"code":"TAG_INVALID","message":"No."}]}');
    const withDetail = errorBody(
      new RegistryError('DENIED', 'No.', { detail: ['a'], cause: new Error('secret') }),
    );
    expect(withDetail).toStrictEqual({ errors: [{ code: 'DENIED', message: 'No.', detail: ['a'] }] });
  });
});
