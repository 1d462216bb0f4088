import { expect, it } from 'vitest';
import type { ErrorCode } from '#libs/oci/errors.ts';
import { send, type Answer, type Sent } from './registry-client.ts';

/** A request, and what must come back. `<name>` in paths, headers and bodies stands for the repository. */
export interface Exchange {
  /** What is asked and what it means: the test's name. */
  readonly name: string;
  /** Method and path, as in `GET /v2/<name>/tags/list`. */
  readonly request: string;
  readonly sent?: Sent;
  readonly status: number;
  /** Undefined where the header must be absent. */
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>;
  /** Of the error in the body. */
  readonly code?: ErrorCode;
  /** A buffer is compared byte by byte, an object as the JSON that it stands for; the empty buffer is no body. */
  readonly body?: Buffer | object;
}

export const NOTHING: Buffer = Buffer.alloc(0);

/** A test for each. */
export function itAnswers(registry: string, repository: string, cases: readonly Exchange[]): void {
  for (const expected of cases) it(expected.name, () => exchange(registry, repository, expected));
}

/** Sends the request to `host:port` and checks all that is expected; every error must have the spec's shape. */
export async function exchange(registry: string, repository: string, expected: Exchange): Promise<Answer> {
  const fill = (text: string): string => text.replaceAll('<name>', repository);
  const [method = '', path = ''] = expected.request.split(' ');
  const answer = await send(registry, method, fill(path), expected.sent);
  const { status, headers } = answer;
  const what = `${method} ${fill(path)} answered ${status} ${answer.body.subarray(0, 400).toString()}`;
  expect(status, what).toBe(expected.status);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    if (value instanceof RegExp) expect(headers[name], `${what}\nheader ${name}`).toMatch(value);
    else expect(headers[name], `${what}\nheader ${name}`).toBe(value === undefined ? undefined : fill(value));
  }
  if (status >= 400) expectSpecError(method, answer, expected.code);
  const { body } = expected;
  if (Buffer.isBuffer(body)) expect(answer.body.equals(body), `${what}\nexpected other bytes`).toBe(true);
  else if (body !== undefined) {
    expect(JSON.parse(answer.body.toString()), what).toEqual(JSON.parse(fill(JSON.stringify(body))));
  }
  return answer;
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
export function expectSpecError(method: string, answer: Answer, code?: ErrorCode): void {
  expect(answer.headers['content-type']).toBe('application/json');
  if (method === 'HEAD') {
    expect(answer.body.length).toBe(0);
    return;
  }
  const { errors } = JSON.parse(answer.body.toString()) as { errors: { code: string; message: string }[] };
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(error.code).toMatch(/^[A-Z_]+$/);
    expect(error.message).toMatch(/^[^\n]{10,}$/);
    if (code !== undefined) expect(error.code, error.message).toBe(code);
  }
}
