import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { Choice } from '#test/support/choice.ts';
import { DIGEST } from './targets.ts';

const VALUES: Readonly<Record<string, readonly string[]>> = {
  Range: [
    'bytes=0-',
    'bytes=-1',
    'bytes=5-2',
    `bytes=${'9'.repeat(300)}-`,
    'bytes=0-0,2-3',
    `bytes=${'0-1,'.repeat(1000)}`,
    'lines=1-2',
    '-',
    '\u00ff',
  ],
  'If-Range': ['"x"', `"${DIGEST}"`, 'W/"x"', 'Wed, 21 Oct 2015 07:28:00 GMT'],
  'If-Match': ['*', '"x"', 'x', `"${DIGEST}"`, '"'.repeat(1000), ','.repeat(3000), ''],
  'If-None-Match': ['*', '"x"', `W/"${DIGEST}"`, `"${DIGEST}", "x"`, ','.repeat(3000), ''],
  'Content-Range': [
    '0-9',
    'bytes 0-9/10',
    '9-0',
    `0-${'9'.repeat(30)}`,
    '-1-5',
    'bytes */5',
    ' ',
    '0-9007199254740991',
    '0-9223372036854775807',
  ],
  'Content-Type': [OCI_MANIFEST, OCI_INDEX, 'application/json', '*/*', 'a/b; '.repeat(500), '', '\u00ff'],
  Accept: ['*/*', 'text/html', '', `${OCI_MANIFEST};q=0`, 'x'.repeat(4000)],
  'Accept-Encoding': ['gzip', 'zstd,gzip', 'identity;q=0, *;q=0'],
  'Content-Encoding': ['gzip', 'x'],
  'Meridian-Min-Revision': ['x', ':', 'a:1', `a:${'9'.repeat(40)}`, 'a:-1', `${'a'.repeat(200)}:1`],
  'Meridian-Consistency': ['strong', 'weak', '', 'STRONG'],
  Traceparent: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-x', 'z'.repeat(2000)],
  Tracestate: ['a=b', ','.repeat(1000)],
  Authorization: ['Basic Og==', 'Bearer x', '\u00ff'],
  Cookie: ['a=b', ';'.repeat(1000)],
  Expect: ['100-continue', 'x'],
  Upgrade: ['h2c', 'websocket'],
  Connection: ['keep-alive', 'upgrade', 'x, y', 'close'],
  'User-Agent': ['', 'docker/27', '\u0080'],
  'X-Forwarded-For': ['::1', 'x'.repeat(1000)],
};

/** Header lines that can be read as HTTP, some of them twice. */
export function randomHeaders(choice: Choice): string[] {
  const line = (): string => {
    const name = choice.pick(Object.keys(VALUES));
    return `${choice.chance(0.2) ? name.toUpperCase() : name}: ${choice.pick(VALUES[name] ?? [])}`;
  };
  const lines = choice.some(4, line);
  const [first] = lines;
  if (first !== undefined && choice.chance(0.2)) lines.push(choice.chance(0.5) ? first : line());
  return lines;
}

const BROKEN_LINES = [
  'no colon',
  ': no name',
  'Space : before',
  ' folded: first',
  'X: a\r\n folded',
  'X: \0',
  'X: \u007f',
  'X\u00ff: y',
  'X: a\rY: b',
  `X: ${'y'.repeat(20_000)}`,
  Array.from({ length: 600 }, (_, i) => `X-${i}: ${'z'.repeat(30)}`).join('\r\n'),
  'Host: y',
  'Content-Length: x',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999999',
  'Content-Length: 1, 2',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding: chunked, gzip',
  'Transfer-Encoding: identity',
];

/** A header line after which nobody knows where the request ends, or that makes it none. */
export function brokenLine(choice: Choice, method: string): string {
  // Of a long HEAD that comes in pieces, a server can't know that it is one.
  return choice.pick(method === 'HEAD' ? BROKEN_LINES.filter(({ length }) => length < 100) : BROKEN_LINES);
}
