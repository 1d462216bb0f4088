import { digestOf } from '#libs/oci/digest.ts';
import type { Choice } from '#test/support/choice.ts';

/** Of no content that any request carries. */
export const DIGEST = digestOf(Buffer.from('what nobody ever uploads'));

const METHODS = ['GET', 'GET', 'HEAD', 'HEAD', 'POST', 'PUT', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const ODD_METHODS = ['TRACE', 'PURGE', 'PROPFIND', 'M-SEARCH', 'get', 'XYZZY', 'G@T', 'G\0T', ''];
const NAMES = ['a', 'team/app', 'a/b/c/d', 'a/blobs/uploads', 'manifests/tags/list', 'x'.repeat(255)];
const REFERENCES = ['latest', 'v1.0', DIGEST, `sha512:${'0'.repeat(128)}`, '_', 'x'.repeat(128)];

/** What a piece of a path may be that it should not be. */
const HOSTILE = [
  '..',
  '.',
  '',
  '%',
  '%2',
  '%zz',
  '%2F',
  '%2f..%2f',
  '%252F',
  '%25252e',
  '%00',
  '%0d%0aX:%20y',
  '%c0%af',
  '%c0%ae%c0%ae',
  '%e0%80%af',
  '%f8%88%80%80%80',
  '%ed%a0%80',
  '%ff%fe',
  '\u00e9\u00ff\u0080',
  'A',
  'a b'.replace(' ', '%20'),
  ';x=1',
  '<>"`{}|\\^',
  '*',
  "'or'1'='1",
  'x'.repeat(300),
  '-'.repeat(2000),
  'a.'.repeat(1000),
  'sha256:',
  'sha256:short',
  `sha256:${'A'.repeat(64)}`,
  `md5:${'a'.repeat(32)}`,
  `sha256:${'a'.repeat(64)}%00`,
  'sha256%3A',
  '__proto__',
  'constructor',
  'us.a.b',
  'eu.AAAA.BBBB',
  'us..',
  '/',
  '//',
];

const TEMPLATES = [
  '/v2/',
  '/v2',
  '/v2/_catalog',
  '/healthz',
  '/v2/NAME/blobs/DIGEST',
  '/v2/NAME/blobs/uploads/',
  '/v2/NAME/blobs/uploads/UPLOAD',
  '/v2/NAME/manifests/REFERENCE',
  '/v2/NAME/tags/list',
  '/v2/NAME/referrers/DIGEST',
  '/meridian/v1/settings',
  '/meridian/v1/repositories/NAME/settings',
];

export function randomMethod(choice: Choice): string {
  return choice.pick(choice.chance(0.9) ? METHODS : ODD_METHODS);
}

/** A request target: a route's with right or hostile pieces, or a path of any pieces. `upload` names a session that is open. */
export function randomTarget(choice: Choice, upload: string): string {
  if (choice.chance(0.02))
    return choice.pick(['*', 'x', 'http://', 'http://[::/v2/', 'http://h/v2/', 'h:1', '?']);
  const path = choice.chance(0.75) ? fromTemplate(choice, upload) : anyPath(choice);
  return path + randomQuery(choice);
}

function fromTemplate(choice: Choice, upload: string): string {
  const piece = (right: readonly string[]): string => choice.pick(choice.chance(0.75) ? right : HOSTILE);
  return choice
    .pick(TEMPLATES)
    .replace('NAME', () => piece(NAMES))
    .replace('REFERENCE', () => piece(REFERENCES))
    .replace('DIGEST', () => piece([DIGEST]))
    .replace('UPLOAD', () => piece([upload]));
}

function anyPath(choice: Choice): string {
  const words = ['v2', 'blobs', 'uploads', 'manifests', 'tags', 'list', 'referrers', '_catalog', ...HOSTILE];
  const pieces = choice.some(7, () => choice.pick([...words, ...NAMES, ...REFERENCES]));
  return `/${choice.chance(0.8) ? 'v2/' : ''}${pieces.join('/')}`.slice(0, 10_000);
}

const PARAMETERS = ['n', 'last', 'digest', 'mount', 'from', 'tag', 'artifactType', 'digest-algorithm', 'ns'];
const VALUES = [
  '',
  '0',
  '1',
  '-1',
  '1e9',
  '0x10',
  'NaN',
  '9'.repeat(400),
  '%00',
  '%ed%a0%80',
  '%ff',
  '%',
  '%26',
  'zzz',
  'team/app',
  'sha512',
  'a/b',
  '__proto__',
  DIGEST,
  'sha256:x',
  'x'.repeat(3000),
  '\u00ff',
];

function randomQuery(choice: Choice): string {
  if (choice.chance(0.5)) return '';
  if (choice.chance(0.05)) return `?${choice.pick(['&', 'n&', 'tag=x&', 'a=1&', '=', '%&']).repeat(2500)}`;
  return `?${choice.some(4, () => `${choice.pick(PARAMETERS)}=${choice.pick(VALUES)}`).join('&')}`;
}
