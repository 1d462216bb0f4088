import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { optionalSetting, readEnv, setting, type Environment, type Settings } from '#libs/config/env.ts';
import { ConfigError } from '#libs/config/errors.ts';
import { tlsSetting } from '#libs/config/tls.ts';
import { hostPort, integer, oneOf, urlList } from '#libs/config/values.ts';

const settings = {
  listen: setting('MERIDIAN_HTTP_LISTEN', hostPort),
  timeoutMs: setting('MERIDIAN_TIMEOUT_MS', integer({ unit: 'milliseconds', min: 1, max: 60_000 }), 500),
  etcd: optionalSetting('MERIDIAN_ETCD', urlList('http', 'https')),
  level: setting('OTEL_LOG_LEVEL', oneOf('debug', 'info'), 'info'),
};

function problemsOf(table: Settings, env: Environment): readonly string[] {
  try {
    readEnv(table, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('is read from the environment, with defaults for what is unset or empty', () => {
    const values = readEnv(settings, {
      MERIDIAN_HTTP_LISTEN: ' 127.0.0.1:5001 ',
      MERIDIAN_TIMEOUT_MS: '',
      HOME: '/root',
    });
    expect(values).toEqual({
      listen: { host: '127.0.0.1', port: 5001 },
      timeoutMs: 500,
      etcd: undefined,
      level: 'info',
    });
  });

  it('names everything that is wrong at once: which variable, what was expected, what came', () => {
    expect(
      problemsOf(settings, {
        MERIDIAN_TIMEOUT_MS: '10s',
        MERIDIAN_ETCD: 'http://a:1,etcd',
        OTEL_LOG_LEVEL: 'loud',
      }),
    ).toEqual([
      'MERIDIAN_HTTP_LISTEN must be set to host:port, such as 127.0.0.1:5000 or [::1]:5000.',
      'MERIDIAN_TIMEOUT_MS must be a whole number of milliseconds from 1 to 60000; it is "10s".',
      'MERIDIAN_ETCD must be one or more URLs separated by commas, such as http://host:port,http://host:port; it is "http://a:1,etcd".',
      'OTEL_LOG_LEVEL must be one of debug, info; it is "loud".',
    ]);
  });

  it('refuses variables of Meridian that it does not know, and names the one that was meant', () => {
    const env = {
      MERIDIAN_HTTP_LISTEN: 'a:1',
      MERIDIAN_TIMEOUT: '1',
      MERIDIAN_X: '1',
      MERIDIAN_TEST_REQUIRE: 'etcd',
      OTEL_SERVICE_NAME: 'other',
    };
    expect(problemsOf(settings, env)).toEqual([
      'MERIDIAN_TIMEOUT is not a variable of this service. Did you mean MERIDIAN_TIMEOUT_MS?',
      'MERIDIAN_X is not a variable of this service. Remove it.',
    ]);
  });

  it('keeps passwords in URLs out of its sentences', () => {
    const [problem] = problemsOf(settings, {
      MERIDIAN_HTTP_LISTEN: 'a:1',
      MERIDIAN_ETCD: 'ftp://me:secret@host',
    });
    expect(problem).toContain('ftp://…@host');
    expect(problem).not.toContain('secret');
  });

  it('lets other errors than wrong values through', () => {
    const broken = {
      variables: [],
      read: () => {
        throw new TypeError('a fault');
      },
    };
    expect(() => readEnv({ broken }, {})).toThrow(TypeError);
  });
});

describe('the files of mutual TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'meridian-tls-'));
  const file = (name: string): string => {
    const path = join(directory, name);
    writeFileSync(path, 'PEM');
    return path;
  };
  const [ca, cert, key] = [file('ca'), file('cert'), file('key')];
  const tls = { tls: tlsSetting('MERIDIAN_PEER_TLS') };
  afterAll(() => rmSync(directory, { recursive: true }));

  it('are all there, or none', () => {
    const env = { MERIDIAN_PEER_TLS_CA: ca, MERIDIAN_PEER_TLS_CERT: cert, MERIDIAN_PEER_TLS_KEY: key };
    expect(readEnv(tls, env)).toEqual({ tls: { ca, cert, key } });
    expect(readEnv(tls, {})).toEqual({ tls: undefined });
  });

  it('are named where they are left out or unreadable', () => {
    const absent = join(directory, 'absent');
    expect(problemsOf(tls, { MERIDIAN_PEER_TLS_CA: absent, MERIDIAN_PEER_TLS_CERT: directory })).toEqual([
      'MERIDIAN_PEER_TLS_KEY must be set too: TLS needs all of MERIDIAN_PEER_TLS_CA, MERIDIAN_PEER_TLS_CERT, MERIDIAN_PEER_TLS_KEY.',
      `MERIDIAN_PEER_TLS_CA must be the path of a readable file (there is none); it is "${absent}".`,
      `MERIDIAN_PEER_TLS_CERT must be the path of a file, not of a directory; it is "${directory}".`,
    ]);
  });
});
