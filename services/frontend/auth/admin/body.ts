import { z } from 'zod';
import { RegistryError } from '#libs/oci/errors.ts';
import { printable } from '#libs/oci/quote.ts';
import { readBody } from '../../http/body.ts';
import type { RequestContext } from '../../http/context.ts';

const MAX_BODY_BYTES = 32 * 1024;

/** A request's JSON. Throws REQUEST_INVALID that names the field and not its value, which may be a secret. */
export async function jsonBody<T>(ctx: RequestContext, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(parseJson((await readBody(ctx, 'request', MAX_BODY_BYTES)).toString()));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = printable(issue?.path.join('.') ?? '');
  const why = printable(issue?.message ?? 'it has another form');
  throw new RegistryError(
    'REQUEST_INVALID',
    `The request is not valid${field === '' ? '' : ` at ${field}`}: ${why}.`,
  );
}

/** A time as people and programs write it, such as 2027-01-31T00:00:00Z; milliseconds since 1970 inside. */
export const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

export function shownTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new RegistryError('REQUEST_INVALID', 'The body should be a JSON object, but can’t be parsed.');
  }
}
