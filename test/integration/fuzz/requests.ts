import type { Choice } from '#test/support/choice.ts';
import { randomBody } from './bodies.ts';
import { brokenLine, randomHeaders } from './headers.ts';
import { randomMethod, randomTarget } from './targets.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly bytes: Buffer;
  readonly framing: Framing;
}

/**
 * `sound`: any HTTP/1.1 parser agrees on where the request ends, so that another one may follow on its connection. `complete`: nothing is
 * missing, but it may be no request of HTTP/1.1. `open`: more may have to come.
 */
export type Framing = 'sound' | 'complete' | 'open';

interface Framed {
  readonly lines: readonly string[];
  readonly body: Buffer;
  readonly framing: Framing;
}

/** The request number `choice` stands for. `upload` is the id of a session that is open. */
export function randomRequest(choice: Choice, upload: string): FuzzRequest {
  const method = randomMethod(choice);
  const target = randomTarget(choice, upload);
  const version = choice.chance(0.96) ? 'HTTP/1.1' : choice.pick(VERSIONS);
  const hosts = choice.chance(0.97) ? ['Host: registry'] : choice.pick([[], ['Host: a', 'Host: b']]);
  const { lines, body, framing } = framed(choice, method);
  const broken = choice.chance(0.08) ? [brokenLine(choice, method)] : [];
  const head = [`${method} ${target} ${version}`, ...hosts, ...randomHeaders(choice), ...broken, ...lines];
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
  // Of a HEAD that is cut off, a server can't know that it is one.
  const isWhole = choice.chance(0.97) || method === 'HEAD';
  const isOdd = broken.length > 0 || version !== 'HTTP/1.1' || !/^[A-Z-]+$/.test(method);
  return {
    method,
    bytes: isWhole ? bytes : bytes.subarray(0, choice.below(bytes.length)),
    framing:
      !isWhole || broken.some((line) => line.startsWith('Transfer'))
        ? 'open'
        : isOdd
          ? odd(framing)
          : framing,
  };
}

function odd(framing: Framing): Framing {
  return framing === 'sound' ? 'complete' : framing;
}

const VERSIONS = ['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.1 x', 'http/1.1', 'HTTP/', ''];

/** The body and the headers that frame it, right or wrong. */
function framed(choice: Choice, method: string): Framed {
  if (choice.chance(['PUT', 'PATCH', 'POST'].includes(method) ? 0.1 : 0.8)) {
    return { lines: [], body: Buffer.alloc(0), framing: 'sound' };
  }
  const body = randomBody(choice);
  const length = `Content-Length: ${body.length}`;
  if (choice.chance(0.5)) return { lines: [length], body, framing: 'sound' };
  const chunked = 'Transfer-Encoding: chunked';
  if (choice.chance(0.5)) return { lines: [chunked], body: chunks(body), framing: 'sound' };
  const [lines, bytes] = choice.pick<readonly [readonly string[], Buffer]>([
    [[`Content-Length: ${body.length + 1 + choice.below(1000)}`], body],
    [['Content-Length: 99999999999'], body],
    [[`Content-Length: ${choice.below(body.length + 1)}`], Buffer.concat([body, Buffer.from('x')])],
    [[length, length], body],
    [[length, 'Content-Length: 1'], body],
    [[length, chunked], chunks(body)],
    [[chunked, chunked], chunks(body)],
    [[chunked], body],
    [[chunked], Buffer.concat([Buffer.from('-5\r\n'), body])],
    [[chunked], Buffer.concat([Buffer.from('ffffffffffffffffff\r\n'), body])],
    [[chunked], Buffer.concat([chunks(body).subarray(0, -5), Buffer.from('5\r\nabc\r\n0\r\n\r\n')])],
    [[chunked], Buffer.from(`1;${'x'.repeat(30_000)}\r\na\r\n0\r\n\r\n`)],
    [[chunked], Buffer.from(`0\r\n${'T: x\r\n'.repeat(5000)}\r\n`)],
    [[chunked], chunks(body).subarray(0, -3)],
  ]);
  return { lines, body: bytes, framing: 'open' };
}

function chunks(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < body.length; offset += 10_000) {
    const piece = body.subarray(offset, offset + 10_000);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}
