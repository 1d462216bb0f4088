import { z } from 'zod';
import { EXIT, Exit } from '../exit.ts';

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
const errors = z.object({
  errors: z.tuple(
    [z.object({ code: z.string(), message: z.string(), detail: z.unknown().optional() })],
    z.unknown(),
  ),
});

/** Why the registry did not do it, in its own sentence where it has one. */
export async function refusal(url: string, response: Response): Promise<Exit> {
  const text = await response.text();
  const retryAfter = response.headers.get('retry-after');
  const parsed = errors.safeParse(jsonOf(text));
  if (!parsed.success) {
    const message = `${url} answered ${response.status} and nothing that a Meridian registry would. Is it one, and of this release?`;
    return new Exit(EXIT.notSo, message);
  }
  const [{ code, message, detail }] = parsed.data.errors;
  const again = retryAfter === null ? '' : ` Try again in ${retryAfter} s.`;
  const told = { status: response.status, code, message, ...(detail !== undefined && { detail }) };
  return new Refusal(`${message}${again}`, told);
}

/** The registry was reached and said no. */
export class Refusal extends Exit {
  readonly status: number;
  readonly errorCode: string;

  constructor(message: string, told: { status: number; code: string; message: string; detail?: unknown }) {
    super(EXIT.notSo, message, { detail: told });
    this.status = told.status;
    this.errorCode = told.code;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
