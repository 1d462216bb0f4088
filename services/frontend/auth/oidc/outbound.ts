import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { RegistryError } from '#libs/oci/errors.ts';
import { createTurns } from '../sources/turns.ts';
import { kindOfAddress } from './addresses.ts';

/** Asks servers of others for JSON, which is all that they are asked for. */
export interface Outbound {
  /**
   * Throws UNAVAILABLE, with a sentence that says why: the URL or where it leads to is not allowed, the answer is another than 200 with
   * JSON, too long, or too late. Nothing is followed to elsewhere.
   */
  json(url: string, options: OutboundOptions): Promise<unknown>;
}

export interface OutboundOptions {
  /** Servers in private networks, too. */
  readonly allowPrivate: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent by POST; without it, GET. */
  readonly form?: URLSearchParams;
}

export interface OutboundSettings {
  /** Lets `http` URLs lead to this machine, for trying things out. */
  readonly loopbackHttp: boolean;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Looks names up; the system's unless a test has another. */
  readonly lookup?: typeof systemLookup;
}

const MAX_RUNNING = 20;
const MAX_WAITING = 100;

export function createOutbound({
  loopbackHttp,
  timeoutMs,
  maxBytes,
  lookup = systemLookup,
}: OutboundSettings): Outbound {
  const turns = createTurns({ maxRunning: MAX_RUNNING, maxWaiting: MAX_WAITING, tooMany });
  return {
    json: (url, { allowPrivate, headers = {}, form }) =>
      turns(async () => {
        const { protocol, hostname } = parse(url);
        const isAllowed = (address: string): boolean => {
          const kind = kindOfAddress(address);
          if (protocol === 'http:') return loopbackHttp && kind === 'loopback';
          return kind === 'public' || (kind !== 'special' && allowPrivate);
        };
        const host = hostname.replace(/^\[|\]$/g, '');
        if (isIP(host) !== 0 && !isAllowed(host)) throw refused(url, notAllowed(protocol, host));
        if (protocol === 'http:' && !loopbackHttp) throw refused(url, 'it is not asked by https');
        const signal = AbortSignal.timeout(timeoutMs);
        try {
          const response = await answerOf(url, {
            ...{
              method: form === undefined ? 'GET' : 'POST',
              signal,
              lookup: guarded(lookup, isAllowed, protocol),
            },
            headers: {
              accept: 'application/json',
              'accept-encoding': 'identity',
              ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
              ...headers,
            },
            // A connection is for one request: a kept one would not be looked up again.
            agent: false,
            body: form?.toString(),
          });
          return parseJson(url, await bodyOf(url, response, maxBytes));
        } catch (error) {
          if (error instanceof RegistryError) throw error;
          throw refused(
            url,
            signal.aborted ? `it did not answer within ${timeoutMs} ms` : reasonOf(error),
            error,
          );
        }
      }),
  };
}

function parse(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:')
    throw refused(url, 'that is no https URL');
  if (parsed.username !== '' || parsed.password !== '') throw refused(url, 'it has a name or password in it');
  return parsed;
}

/** Gives only addresses that may be connected to, so that a name can't lead elsewhere when it is looked up again. */
function guarded(
  lookup: typeof systemLookup,
  isAllowed: (address: string) => boolean,
  protocol: string,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const allowed = found.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) callback(new Error(notAllowed(protocol, found[0]?.address ?? '')), '');
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function answerOf(
  url: string,
  { body, ...options }: RequestOptions & { body: string | undefined },
): Promise<IncomingMessage> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    request(url, options).once('response', resolve).once('error', reject).end(body);
  });
}

async function bodyOf(url: string, response: IncomingMessage, maxBytes: number): Promise<string> {
  const { statusCode = 0 } = response;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    if (statusCode >= 300 && statusCode < 400)
      throw refused(url, 'it leads on to another place, which is not followed');
    if (statusCode !== 200) throw refused(url, `it answered ${statusCode}`);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw refused(url, `its answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    response.destroy();
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused(url, 'its answer is no JSON');
  }
}

function notAllowed(protocol: string, address: string): string {
  if (protocol === 'http:') return `it is not asked by https, and ${address} is not this machine`;
  return `its address ${address} is not one of the internet; an issuer in a private network must be allowed to be there`;
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** Queries may hold what is nobody's business. */
function refused(url: string, why: string, cause?: unknown): RegistryError {
  const [place = ''] = url.split('?');
  return new RegistryError('UNAVAILABLE', `Asking ${place.slice(0, 300)} failed: ${why}.`, { cause });
}

function tooMany(): RegistryError {
  return new RegistryError(
    'TOOMANYREQUESTS',
    'Issuers are asked for so many logins at a time already. Try again in a moment.',
  );
}
