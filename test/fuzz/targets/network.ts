import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { EqualityFilter, FilterParser } from 'ldapts';
import { matchesClaim, parseClaimPattern } from '#libs/auth/claim-pattern.ts';
import { networkList } from '#libs/config/networks.ts';
import { fillFilter, requireFilter } from '#libs/ldap/filter.ts';
import { kindOfAddress } from '#services/frontend/auth/oidc/addresses.ts';
import { createOriginOf, HOST } from '#services/frontend/http/origin.ts';
import type { Target } from '../target.ts';
import { parsed } from './outcome.ts';

const PEER = '10.0.0.1';
const originOf = createOriginOf(['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32']);
const ADDRESSES = [
  '10.0.0.1',
  '192.0.2.7',
  '8.8.8.8',
  '::1',
  'fd00::1',
  '::ffff:10.0.0.9',
  'fe80::1%eth0',
  '64:ff9b::',
];

/** What proxies, issuers and directories say. */
export const NETWORK_TARGETS: readonly Target[] = [
  {
    name: 'forwarded',
    seeds: ['8.8.8.8, 10.0.0.2', '[fd00::1]:80,1.2.3.4:5', 'a\nhttps\nregistry.example:443'],
    tokens: [...ADDRESSES, ',', '\n', '[', ']', ':80', '%', 'http', 'https', '_hidden', 'unknown', '"'],
    check: (input) => {
      const [client = '', proto = '', forwardedHost = ''] = input.toString('latin1').split('\n');
      const headersDistinct = {
        ...{ 'x-forwarded-for': [client], 'x-forwarded-proto': [proto], 'x-forwarded-host': [forwardedHost] },
      };
      for (const remoteAddress of [PEER, '203.0.113.9']) {
        const request = { socket: { remoteAddress }, headers: { host: 'own' }, headersDistinct };
        const { address, scheme, host } = originOf(request as unknown as IncomingMessage);
        assert.ok(isIP(address) !== 0 && (address === remoteAddress || client.includes(address)));
        if (remoteAddress !== PEER) assert.deepEqual([address, scheme, host], [remoteAddress, 'http', 'own']);
        assert.ok(host === 'own' || (host === forwardedHost && HOST.test(host)));
      }
    },
  },
  {
    name: 'network-list',
    seeds: ['10.0.0.0/8,2001:db8::/32', '192.0.2.7'],
    tokens: [...ADDRESSES, '/', ',', '/8', '/0', '/129', '%', '::'],
    check: (input) => {
      const networks = networkList.safeParse(input.toString());
      if (!networks.success) return;
      createOriginOf(networks.data);
      assert.ok(networks.data.every((network) => !network.endsWith('/0')));
    },
  },
  {
    name: 'kind-of-address',
    seeds: ADDRESSES,
    tokens: [...ADDRESSES, ':', '::', '.', '%', 'ffff:', '0', '127', '169.254.'],
    check: (input) => {
      const address = input.toString();
      if (isIP(address) === 0) return;
      const kind = kindOfAddress(address);
      // The ways of writing this machine that filters overlook.
      if (/^(?:127\.|::ffff:127\.|::1$|0:0:0:0:0:0:0:1$)/i.test(address)) assert.equal(kind, 'loopback');
      if (/^(?:169\.254\.|::ffff:169\.254\.|fe80:)/i.test(address)) assert.equal(kind, 'special');
    },
  },
  {
    name: 'claim-pattern',
    seeds: ['repo:team/*:ref:refs/heads/main\nrepo:team/app:ref:refs/heads/main', '**/x\na/b/x', 'a\na'],
    tokens: ['*', '**', ':', '/', '\n', 'a', 'repo:', '***'],
    maxSteps: (bytes) => 20_000 + 40 * bytes * bytes,
    maxBytes: 120,
    check: (input) => {
      const [text = '', value = ''] = input.toString().split('\n');
      const pattern = parsed(() => parseClaimPattern(text), 'REQUEST_INVALID');
      if (pattern === undefined) return;
      const escaped = text.split(/(\*{1,2})/).map((part) => {
        if (part === '**') return '[^]*';
        return part === '*' ? '[^/:]*' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
      });
      // The engine of expressions would take forever for many stars.
      if (escaped.length < 12)
        assert.equal(matchesClaim(pattern, value), new RegExp(`^${escaped.join('')}$`).test(value));
      assert.ok(!matchesClaim(pattern, { toString: () => value }) && !matchesClaim(pattern, null));
    },
  },
  {
    name: 'ldap-filter',
    seeds: ['alice', '*)(uid=*', '\\2a', 'é\u0000'],
    tokens: ['*', '(', ')', '\\', '\0', '=', '|', '&', '!', '\\28', '{name}', '{dn}', 'cn='],
    check: (input) => {
      const value = input.toString();
      // A name is a name, whatever is in it.
      const filter = FilterParser.parseString(fillFilter('(uid={name})', { name: value }));
      assert.ok(filter instanceof EqualityFilter);
      assert.deepEqual([filter.attribute, filter.value.toString()], ['uid', value]);
      parsed(() => requireFilter(value, ['name']), 'REQUEST_INVALID');
    },
  },
];
