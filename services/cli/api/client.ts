import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { z } from 'zod';
import { EXIT, Exit, wrongUsage } from '../exit.ts';
import type { Credentials } from './credentials.ts';
import { refusal } from './refusal.ts';

/** A registry's own HTTP API, below `/meridian/v1`. */
export interface Api {
  readonly url: string;
  /** Throws an Exit: unreachable, or refused with the registry's own sentence. */
  request<T>(schema: z.ZodType<T>, method: Method, path: string, options: RequestOptions): Promise<T>;
  /** An answer of a JSON value a line, one by one. */
  lines<T>(schema: z.ZodType<T>, path: string, options: RequestOptions): AsyncGenerator<T, void, undefined>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RequestOptions {
  readonly query?: readonly (readonly [name: string, value: string])[];
  readonly body?: unknown;
  /** Until the answer begins. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

export const DEFAULT_REGISTRY = 'http://localhost:5001';
/** The registry itself may have to wait for its quorum, or for another region. */
const TIMEOUT_MS = 30_000;

/** `host:port` stands for `http://host:port`. Credentials go to that registry alone. */
export function connectApi(registry: string, credentials?: Credentials): Api {
  const url = parseRegistry(registry);
  const send = async (method: Method, path: string, options: RequestOptions): Promise<Response> => {
    const { query = [], body, timeoutMs = TIMEOUT_MS, signal } = options;
    const search =
      query.length === 0 ? '' : `?${new URLSearchParams(query.map((pair) => [...pair])).toString()}`;
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${url}/meridian/v1${path}${search}`, {
        method,
        headers: {
          accept: 'application/json, application/x-ndjson',
          ...(credentials && { authorization: basic(credentials) }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, late]),
      });
      if (!response.ok) throw await refusal(url, response);
      return response;
    } catch (error) {
      if (error instanceof Exit || signal.aborted) throw error;
      throw unreachable(
        url,
        late.aborted ? `it did not answer within ${timeoutMs / 1000} s` : reasonOf(error),
        error,
      );
    }
  };
  return {
    url,
    request: async (schema, method, path, options) => {
      const response = await send(method, path, options);
      const text = await bodyOf(url, response, options.signal);
      return text === '' ? schema.parse(undefined) : understand(schema, text, url);
    },
    lines: async function* (schema, path, options) {
      const { body } = await send('GET', path, options);
      if (body === null) return;
      const input = Readable.fromWeb(body as ReadableStream<Uint8Array>);
      try {
        for await (const line of createInterface({ input, crlfDelay: Infinity })) {
          if (line !== '') yield understand(schema, line, url);
        }
        if (input.errored !== null) throw input.errored;
      } catch (error) {
        if (error instanceof Exit || options.signal.aborted) throw error;
        throw unreachable(url, reasonOf(error), error);
      } finally {
        input.destroy();
      }
    },
  };
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** A path of the API; names keep their slashes. */
export function pathOf(...segments: readonly string[]): string {
  const encoded = segments.map((segment) => segment.split('/').map(encodeURIComponent).join('/'));
  return `/${encoded.join('/')}`;
}

function parseRegistry(text: string): string {
  const full = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(full) && ['http:', 'https:'].includes(new URL(full).protocol))
    return full.replace(/\/+$/, '');
  throw wrongUsage(`The registry "${text}": expected a URL such as ${DEFAULT_REGISTRY}.`);
}

async function bodyOf(url: string, response: Response, signal: AbortSignal): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    if (signal.aborted) throw error;
    throw unreachable(url, reasonOf(error), error);
  }
}

function understand<T>(schema: z.ZodType<T>, text: string, url: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const what = cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is no JSON';
    const message = `${url} answered what this release of the program does not understand (${what}). Use the program of the registry's own release.`;
    throw new Exit(EXIT.notSo, message, { cause });
  }
}

function unreachable(url: string, reason: string, cause: unknown): Exit {
  const message = `The registry at ${url} can't be reached: ${reason}. Is it running? Another one can be named with --registry URL or MERIDIAN_URL.`;
  return new Exit(EXIT.unreachable, message, { cause });
}

/** What lies below fetch's "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
