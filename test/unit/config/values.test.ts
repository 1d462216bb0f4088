import { describe, expect, it } from 'vitest';
import type { Value } from '#libs/config/env.ts';
import { mbitByRegion } from '#libs/config/mbit-by-region.ts';
import * as values from '#libs/config/values.ts';

interface Row {
  readonly value: Value<unknown>;
  readonly good: readonly (readonly [text: string, parsed: unknown])[];
  readonly bad: readonly string[];
}

const table: Record<string, Row> = {
  'host and port': {
    value: values.hostPort,
    good: [
      ['localhost:0', { host: 'localhost', port: 0 }],
      ['[::1]:65535', { host: '::1', port: 65535 }],
    ],
    bad: ['', '5001', ':5001', 'localhost:', 'localhost:65536', '::1:80', 'http://localhost:1', 'a b:1'],
  },
  'an address for gRPC': {
    value: values.rpcAddress,
    good: [
      ['127.0.0.1:1', '127.0.0.1:1'],
      ['unix:/run/x.sock', 'unix:/run/x.sock'],
    ],
    bad: ['unix:x', 'localhost'],
  },
  'a URL': {
    value: values.url('redis', 'rediss'),
    good: [['redis://u:p@h:1/0', 'redis://u:p@h:1/0']],
    bad: ['http://h', 'redis:h', 'h:6379', 'redis://'],
  },
  'a list of URLs': {
    value: values.urlList('http', 'https'),
    good: [
      ['http://a:1', ['http://a:1']],
      ['http://a:1, https://b', ['http://a:1', 'https://b']],
    ],
    bad: ['', 'http://a:1,', 'a:1'],
  },
  'Mbit/s by region': {
    value: mbitByRegion,
    good: [
      ['us=200', { us: 200 }],
      ['us=0.5, eu-west=1000', { us: 0.5, 'eu-west': 1000 }],
    ],
    bad: ['', '200', 'us=', 'us=0', 'us=-1', 'us=1,', 'us=1,us=2', 'us=1=2', 'us=1e3', 'U S=1'],
  },
  'a whole number': {
    value: values.integer({ unit: 'bytes', min: 2, max: 1024 }),
    good: [
      ['2', 2],
      ['1024', 1024],
    ],
    bad: ['1', '1025', '-2', '2.5', '1e2', '0x10', '12MB', ' '],
  },
  'a ratio': {
    value: values.ratio,
    good: [
      ['0', 0],
      ['.5', 0.5],
      ['1.0', 1],
    ],
    bad: ['-1', '1.1', '50%', 'NaN', ''],
  },
  'a boolean': {
    value: values.boolean,
    good: [
      ['true', true],
      ['false', false],
    ],
    bad: ['1', 'TRUE', 'yes'],
  },
  'a choice': { value: values.oneOf('a', 'b'), good: [['b', 'b']], bad: ['c', 'A', ''] },
  'a region': {
    value: values.regionName,
    good: [
      ['eu', 'eu'],
      ['us-east-1', 'us-east-1'],
    ],
    bad: ['EU', 'us_east', '-eu', 'eu-', 'a--b', 'a/b', 'a'.repeat(64)],
  },
};

describe.each(Object.entries(table))('%s', (_name, { value, good, bad }) => {
  it.each(good)('takes %j', (text, parsed) => {
    expect(value.parse(text)).toEqual(parsed);
  });

  it.each(bad)('refuses %j', (text) => {
    expect(value.safeParse(text).success).toBe(false);
  });

  it('says what it expects', () => {
    expect(value.description).toMatch(/^\S.{3,}[^.]$/);
  });
});
