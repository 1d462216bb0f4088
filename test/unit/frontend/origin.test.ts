import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createOriginOf, type Origin } from '#services/frontend/http/origin.ts';

const TRUSTED = ['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32'];

function originOf(peer: string, headers: Record<string, string | string[]>, trusted = TRUSTED): Origin {
  const all = { host: 'registry.test', ...headers };
  const headersDistinct = Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, Array.isArray(value) ? value : [value]]),
  );
  const request = { socket: { remoteAddress: peer }, headers: all, headersDistinct };
  return createOriginOf(trusted)(request as unknown as IncomingMessage);
}

describe('who sent a request', () => {
  it.each([
    ['is whoever connected, where no proxy is trusted', '10.0.0.1', '198.51.100.1', [], '10.0.0.1'],
    ['is whoever connected, where it is no proxy', '203.0.113.9', '198.51.100.1', TRUSTED, '203.0.113.9'],
    ['is whom a proxy names', '10.0.0.1', '198.51.100.1', TRUSTED, '198.51.100.1'],
    ['is the last one named', '10.0.0.1', '127.0.0.1, 198.51.100.1', TRUSTED, '198.51.100.1'],
    [
      'is the last one that is no proxy',
      '10.0.0.1',
      '8.8.8.8, 198.51.100.1, 10.9.9.9, 192.0.2.7',
      TRUSTED,
      '198.51.100.1',
    ],
    [
      'is read over several headers',
      '10.0.0.1',
      ['8.8.8.8', '198.51.100.1', '10.2.2.2'],
      TRUSTED,
      '198.51.100.1',
    ],
    ['is the first proxy, where all are proxies', '10.0.0.1', '10.1.1.1, 10.2.2.2', TRUSTED, '10.1.1.1'],
    ['is the proxy that says nothing', '10.0.0.1', '', TRUSTED, '10.0.0.1'],
    ['is the proxy that says what is no address', '10.0.0.1', '198.51.100.1, unknown', TRUSTED, '10.0.0.1'],
    ['is not read beyond what is no address', '10.0.0.1', '198.51.100.1, <x>, 10.2.2.2', TRUSTED, '10.2.2.2'],
    ['comes with a port', '10.0.0.1', '198.51.100.1:4711', TRUSTED, '198.51.100.1'],
    ['comes by IPv6', 'fd00::1', '2001:db8::5', TRUSTED, '2001:db8::5'],
    ['comes by IPv6 with a port', '10.0.0.1', '[2001:db8::5]:4711', TRUSTED, '2001:db8::5'],
    ['comes by IPv4 on sockets of IPv6', '::ffff:10.0.0.1', '::ffff:198.51.100.1', TRUSTED, '198.51.100.1'],
  ])('%s', (_what, peer, forwarded, trusted, address) => {
    expect(originOf(peer, { 'x-forwarded-for': forwarded }, [...trusted]).address).toBe(address);
  });

  it('is never read from Forwarded', () => {
    expect(originOf('10.0.0.1', { forwarded: 'for=198.51.100.1;proto=https' })).toEqual({
      address: '10.0.0.1',
      scheme: 'http',
      host: 'registry.test',
    });
  });
});

describe('how the registry was called', () => {
  const asked = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'public.test:8443' };

  it('is believed of a proxy, and of nobody else', () => {
    expect(originOf('10.0.0.1', asked)).toMatchObject({ scheme: 'https', host: 'public.test:8443' });
    expect(originOf('203.0.113.9', asked)).toMatchObject({ scheme: 'http', host: 'registry.test' });
    expect(originOf('10.0.0.1', asked, [])).toMatchObject({ scheme: 'http', host: 'registry.test' });
  });

  it.each([
    [{ 'x-forwarded-proto': 'https,http' }],
    [{ 'x-forwarded-proto': ['https', 'http'] }],
    [{ 'x-forwarded-proto': 'gopher' }],
    [{ 'x-forwarded-host': 'a.test, b.test' }],
    [{ 'x-forwarded-host': 'a.test/"><script>' }],
    [{ 'x-forwarded-host': ['a.test', 'b.test'] }],
  ])('is what the connection says where a proxy says %j', (headers) => {
    expect(originOf('10.0.0.1', headers)).toMatchObject({ scheme: 'http', host: 'registry.test' });
  });
});
