import assert from 'node:assert/strict';
import {
  parseIssuerChange,
  parseDirectory,
  parsePersonLogin,
  parsePrincipalChange,
  parseTokenDetails,
} from '#libs/auth/changes.ts';
import { ConfigError } from '#libs/config/errors.ts';
import { readEnv, setting, type Value } from '#libs/config/env.ts';
import { mbitByRegion } from '#libs/config/mbit-by-region.ts';
import { regionList } from '#libs/config/regions.ts';
import {
  hostPort,
  integer,
  ratio,
  regionName,
  rpcAddress,
  url,
  urlList,
  urlPath,
} from '#libs/config/values.ts';
import { parseDuration } from '#services/cli/duration.ts';
import { time } from '#services/frontend/auth/admin/body.ts';
import type { Target } from '../target.ts';
import { parsed, requireCleanPrototypes } from './outcome.ts';

const BYTES = { unit: 'bytes', min: 0, max: 1e12 };

export const VALUE_TARGETS: readonly Target[] = [
  environment(
    'host-port',
    hostPort,
    ['127.0.0.1:5000', '[::1]:0'],
    ['[', ']', ':', '::', '65535', '65536', '%'],
  ),
  environment('rpc-address', rpcAddress, ['unix:/run/x', 'a:1'], ['unix:/', ':', '/']),
  environment('integer', integer(BYTES), ['0', '1000000000000'], ['0', '9', '.', 'e', '-', '0x']),
  environment('ratio', ratio, ['0.5', '.25', '1'], ['.', '0', '1', 'e', '-']),
  environment('region-name', regionName, ['us', 'us-east-1'], ['-', '--', 'a', '1']),
  environment('region-list', regionList, ['us=a:1,eu=[::1]:2'], ['=', ',', ':1', 'us', '__proto__', ' ']),
  environment('mbit-by-region', mbitByRegion, ['us=200,eu=0.5'], ['=', ',', '.', '0', 'us', 'constructor']),
  environment(
    'url',
    url('http', 'https'),
    ['http://a:1/b'],
    ['http://', 'https://', '@', ':', '/', '?', '#', '\\'],
  ),
  environment('url-list', urlList('http'), ['http://a:1,http://b:2'], ['http://', ',', '@', ':', '/']),
  environment('url-path', urlPath, ['/files', '/a/b/'], ['/', '//', '.', '..', '~']),
  {
    name: 'duration-of-command',
    seeds: ['500ms', '1.5m', '7d', '2h'],
    tokens: ['ms', 's', 'm', 'min', 'h', 'd', '.', '0', '9'.repeat(40)],
    check: (input) => {
      const ms = parseDuration(input.toString());
      if (ms !== undefined) assert.ok(Number.isSafeInteger(ms) && ms >= 0, String(ms));
    },
  },
  {
    name: 'time',
    seeds: ['2027-01-31T00:00:00Z', '2024-02-29T23:59:59.999+14:00'],
    tokens: ['T', 'Z', '+', '-', ':', '.', '24', '60', '0000', '9999', '02-30'],
    check: (input) => {
      const read = time.safeParse(input.toString());
      if (read.success) assert.ok(Number.isSafeInteger(read.data), String(read.data));
    },
  },
  {
    name: 'change-of-identities',
    seeds: [
      '{"description":"x","groups":["a"],"disabled":true,"expiresAtMs":5}',
      `{"addSecret":{"id":"aaaaaaaa","sha256":"${'0'.repeat(64)}"},"removeSecrets":["x"]}`,
      '{"url":"https://a.example","addRule":{"robot":"ci","audience":"x","claims":[{"claim":"sub","pattern":"a/*"}],"sessionMs":60000}}',
      '{"description":"x","grants":[{"actions":["pull"],"repositories":"**"}],"expiresAtMs":1}',
    ],
    tokens: [
      ...['{', '}', '[', ']', ',', ':', '""', 'null', 'true', '"__proto__":', '"constructor":', '"\\u0000"'],
      ...['"description":', '"groups":', '"grants":', '"actions":', '"repositories":', '"pull"', '"**"'],
    ],
    check: (input) => {
      const text = input.toString();
      for (const parse of [
        parsePrincipalChange,
        parseTokenDetails,
        parseIssuerChange,
        parsePersonLogin,
        parseDirectory,
      ]) {
        const change = parsed<object>(() => parse(text), 'REQUEST_INVALID');
        if (change !== undefined) assert.deepEqual(parse(JSON.stringify(change)), change);
      }
      requireCleanPrototypes();
    },
  },
];

/** A value of the configuration: it is read, or there is a sentence that says what was expected and gives no password away. */
function environment(
  name: string,
  value: Value<unknown>,
  seeds: readonly string[],
  tokens: readonly string[],
): Target {
  return {
    name,
    seeds,
    tokens,
    check: (input) => {
      const text = input.toString();
      try {
        readEnv({ value: setting('MERIDIAN_X', value, 'unset') }, { MERIDIAN_X: text });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.equal(error.problems.length, 1);
        assert.match(error.problems[0] ?? '', /^MERIDIAN_X must be [^]*\.$/);
      }
      requireCleanPrototypes();
    },
  };
}
