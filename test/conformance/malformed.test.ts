import { describe } from 'vitest';
import { digestOf } from '#test/support/content.ts';
import { itAnswers, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

const DIGEST = digestOf('malformed');
const HEX = DIGEST.slice('sha256:'.length);

const DIGESTS: Record<string, string> = {
  'too short': 'sha256:baddigeststring',
  'one digit short': DIGEST.slice(0, -1),
  'one digit long': `${DIGEST}0`,
  'upper-case': `sha256:${HEX.toUpperCase()}`,
  'no hexadecimal': `sha256:${'g'.repeat(64)}`,
  'of an unknown algorithm': `md5:${HEX.slice(0, 32)}`,
  'of an algorithm in upper case': `SHA256:${HEX}`,
  'of sha512 with the length of sha256': `sha512:${HEX}`,
  'without an algorithm': `:${HEX}`,
  'without hexadecimals': 'sha256:',
  'with a space': `sha256:${HEX.slice(1)}%20`,
  'with a path behind it': `${DIGEST}%2F..%2F..`,
  'with a zero byte': `${DIGEST}%00`,
};

const NAMES: Record<string, string> = {
  'in upper case': 'Conformance/x',
  'with an escaped slash at its end': 'conformance%2F',
  'that leaves the registry': 'conformance/..%2F..%2Fetc',
  'that begins with a dash': '-conformance',
  'with two dots': 'conformance..x',
  'with three underscores': 'conformance___x',
  'with a space': 'conformance%20x',
  'with a zero byte': 'conformance%00',
  'that is too long': `conformance/${'x'.repeat(300)}`,
  'in another script': 'конформность',
};

const TAGS: Record<string, string> = {
  'with a dot at its beginning': '.tag',
  'with a dash at its beginning': '-tag',
  'of 129 characters': 'x'.repeat(129),
  'with a space': 'a%20b',
  'with a slash': 'a%2Fb',
  'with a zero byte': 'a%00',
  'in another script': 'метка',
};

const routesOf = (digest: string): [string, string][] => [
  ['GET', `/v2/<name>/blobs/${digest}`],
  ['HEAD', `/v2/<name>/blobs/${digest}`],
  ['DELETE', `/v2/<name>/blobs/${digest}`],
  ['GET', `/v2/<name>/manifests/${digest}`],
  ['HEAD', `/v2/<name>/manifests/${digest}`],
  ['PUT', `/v2/<name>/manifests/${digest}`],
  ['DELETE', `/v2/<name>/manifests/${digest}`],
  ['GET', `/v2/<name>/referrers/${digest}`],
  ['POST', `/v2/<name>/blobs/uploads/?digest=${digest}`],
  ['POST', `/v2/<name>/blobs/uploads/?mount=${digest}&from=conformance/x`],
];

function refusals(
  what: string,
  inputs: Record<string, string>,
  code: Exchange['code'],
  uses: (input: string) => [method: string, path: string][],
): Exchange[] {
  return Object.entries(inputs).flatMap(([title, input]) =>
    uses(input).map(([method, path]): Exchange => {
      const place = path.replace(input, `<${what}>`);
      const name = `${method} ${place} with a ${what} ${title} is 400`;
      return { name, request: `${method} ${path}`, status: 400, ...(code === undefined ? {} : { code }) };
    }),
  );
}

const cases = [
  ...refusals('digest', DIGESTS, 'DIGEST_INVALID', routesOf),
  ...refusals('name', NAMES, 'NAME_INVALID', (name) => [
    ...routesOf(DIGEST).map(([method, path]): [string, string] => [method, path.replace('<name>', name)]),
    ['GET', `/v2/${name}/tags/list`],
    ['POST', `/v2/${name}/blobs/uploads/`],
    ['GET', `/v2/${name}/blobs/uploads/us.x.y`],
  ]),
  ...refusals('tag', TAGS, 'TAG_INVALID', (tag) => [
    ['GET', `/v2/<name>/manifests/${tag}`],
    ['HEAD', `/v2/<name>/manifests/${tag}`],
    ['PUT', `/v2/<name>/manifests/${tag}`],
    ['DELETE', `/v2/<name>/manifests/${tag}`],
    ['PUT', `/v2/<name>/manifests/${DIGEST}?tag=${tag}`],
  ]),
];

// What is malformed is refused before anyone looks for it, so one region stands for all.
describe('what is malformed', () => {
  itAnswers(routes[0]?.read ?? '', 'conformance/malformed', cases);
});
