/** A request whose end two parsers could find in different places, and what comes behind it. */
export interface Smuggling {
  readonly name: string;
  /** The bytes, with `inner`, a whole request, where a parser that is wrong takes it for the next one. */
  readonly text: (inner: string) => string;
}

const HEAD = 'POST /v2/team/app/blobs/uploads/ HTTP/1.1\r\nHost: registry\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

export const SMUGGLINGS: readonly Smuggling[] = [
  framed('CL.TE', (inner) => `Content-Length: ${5 + inner.length}\r\n${CHUNKED}\r\n0\r\n\r\n${inner}`),
  framed('TE.CL', (inner) => `${CHUNKED}Content-Length: 4\r\n\r\n${chunk(inner)}`),
  framed(
    'TE.TE',
    (inner) => `${CHUNKED}Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\n${chunk(inner)}`,
  ),
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:\u000bchunked',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: "chunked"',
    'X: y\r\n Transfer-Encoding: chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\rTransfer-Encoding: chunked',
    'Transfer-Encoding:\r\n chunked',
    'transfer_encoding: chunked',
  ].map((line) =>
    framed(
      JSON.stringify(line),
      (inner) => `Content-Length: ${5 + inner.length}\r\n${line}\r\n\r\n0\r\n\r\n${inner}`,
    ),
  ),
  ...['0', '00', '+0', '-0', '0x0', '0,', '0 0', '1e1', '\u0660'].map((length) =>
    framed(
      `Content-Length twice, then ${length}`,
      (inner) => `Content-Length: ${inner.length}\r\nContent-Length: ${length}\r\n\r\n${inner}`,
    ),
  ),
  framed(
    'Content-Length twice, the same',
    (inner) => `Content-Length: ${inner.length}\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  ),
  framed('Content-Length folded', (inner) => `Content-Length: ${inner.length}\r\n 0\r\n\r\n${inner}`),
  framed(
    'Content-Length behind a bare line feed',
    (inner) => `Content-Length: ${inner.length}\nContent-Length: 0\n\r\n${inner}`,
  ),
  framed(
    'Content-Length behind a NUL',
    (inner) => `Content-Length: ${inner.length}\r\nX: \0Content-Length: 0\r\n\r\n${inner}`,
  ),
  framed('a chunk with extensions', (inner) => `${CHUNKED}\r\n${chunk(inner, ';a=b;c="d\\r\\n"')}`),
  framed('an extension with a bare line feed', (inner) => `${CHUNKED}\r\n${chunk(inner, ';a\nb')}`),
  framed(
    'an extension with a bare line feed that ends another size',
    (inner) => `${CHUNKED}\r\n5;a\n0\r\n\r\n${inner}\r\n0\r\n\r\n`,
  ),
  ...['0x', '+', '-', ' ', '0_'].map((sign) =>
    framed(`a size that begins with ${sign}`, (inner) => `${CHUNKED}\r\n${sign}${chunk(inner)}`),
  ),
  framed('a size beyond all numbers', (inner) => `${CHUNKED}\r\n1000000000000000${chunk(inner)}`),
  framed('a size with spaces behind it', (inner) => `${CHUNKED}\r\n${chunk(inner, ' \t ')}`),
  framed('a chunk longer than its size', (inner) => `${CHUNKED}\r\n1\r\nxx0\r\n\r\n${inner}`),
  framed('a chunk that ends in a bare line feed', (inner) => `${CHUNKED}\r\n1\r\nx\n0\r\n\r\n${inner}`),
  framed(
    'trailers that frame',
    (inner) => `${CHUNKED}\r\n${chunk(inner).slice(0, -2)}Content-Length: 0\r\nHost: y\r\n\r\n`,
  ),
  whole(
    'chunks in HTTP/1.0',
    (inner) => `POST /v2/ HTTP/1.0\r\nContent-Length: ${5 + inner.length}\r\n${CHUNKED}\r\n0\r\n\r\n${inner}`,
  ),
  whole(
    'a GET with a body',
    (inner) => `GET /v2/ HTTP/1.1\r\nHost: r\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  ),
  whole(
    'a HEAD with a body',
    (inner) => `HEAD /v2/ HTTP/1.1\r\nHost: r\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  ),
  whole(
    'an expectation',
    (inner) =>
      `GET /v2/ HTTP/1.1\r\nHost: r\r\nExpect: 100-continue\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  ),
  whole(
    'an unknown expectation',
    (inner) => `PUT /v2/ HTTP/1.1\r\nHost: r\r\nExpect: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  ),
  whole(
    'an upgrade to h2c',
    (inner) =>
      `POST /v2/ HTTP/1.1\r\nHost: r\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  ),
  whole(
    'an upgrade to websocket',
    (inner) =>
      `GET /v2/ HTTP/1.1\r\nHost: r\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  ),
  whole(
    'a line break in the target',
    (inner) => `GET /v2/%0d%0a%0d%0a${encodeURIComponent(inner)} HTTP/1.1\r\nHost: r\r\n\r\n`,
  ),
];

/** As it would be sent by itself: what a parser must not come to. */
export function innerRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: registry\r\n\r\n`;
}

function framed(name: string, rest: Smuggling['text']): Smuggling {
  return whole(name, (inner) => HEAD + rest(inner));
}

function whole(name: string, text: Smuggling['text']): Smuggling {
  return { name, text };
}

function chunk(text: string, extension = ''): string {
  return `${text.length.toString(16)}${extension}\r\n${text}\r\n0\r\n\r\n`;
}
