import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { isPasswordHash } from '#libs/auth/password.ts';
import { grantsOf, MAX_SCOPES, parseScopes, type Scope } from '#libs/auth/scope.ts';
import { parseSecret } from '#libs/auth/secret.ts';
import { importKey } from '#libs/jwt/keys.ts';
import { signToken } from '#libs/jwt/sign.ts';
import { verifyToken, type TokenRules } from '#libs/jwt/verify.ts';
import { formatScope } from '#services/frontend/auth/challenge-scope.ts';
import { readCredentials } from '#services/frontend/auth/credentials.ts';
import type { Target } from '../target.ts';
import { hasControls, parsed, requireRefusal } from './outcome.ts';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const privateKey = await importKey(pair.privateKey.export({ format: 'jwk' }), 'ES256');
const publicKey = await importKey(pair.publicKey.export({ format: 'jwk' }), 'ES256');
const NOW = 1_800_000_000;
const TIMES = { iss: 'registry', aud: 'registry', iat: NOW, nbf: NOW, exp: NOW + 300 };
const GOOD = await signToken({ ...TIMES, sub: 'alice' }, 'at+jwt', {
  ...{ kid: 'k1', algorithm: 'ES256', key: privateKey },
});
const RULES: TokenRules = {
  ...{ algorithms: ['ES256'], issuer: 'registry', audience: 'registry', type: 'at+jwt' },
  ...{ maxAgeSeconds: 300, clockToleranceSeconds: 30 },
  key: async (kid) => (kid === 'k1' ? publicKey : undefined),
  clock: () => NOW * 1000,
};
const [HEADER = '', CLAIMS = '', MAC = ''] = GOOD.split('.');

export const CREDENTIAL_TARGETS: readonly Target[] = [
  {
    name: 'authorization',
    seeds: ['Basic YTpi', 'Bearer a.b.c', 'basic YTpiOmM', 'Basic YTo=, Basic YTpi'],
    tokens: ['Basic ', 'Bearer ', 'YTpi', '=', '==', ',', ' ', ':', '-', '_', '/', 'AAAA'],
    check: (input) => {
      const header = input.toString('latin1');
      const read = parsed(() => readCredentials(header), 'UNAUTHORIZED');
      if (read === undefined || read.scheme === 'none') return;
      if (read.scheme === 'bearer') {
        assert.ok(header.endsWith(` ${read.token}`) && /^[\w.~+/=-]+$/.test(read.token));
        return;
      }
      const { name, password } = read;
      assert.ok(!name.includes(':') && !hasControls(name + password));
      const again = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
      assert.deepEqual(readCredentials(again), read);
    },
  },
  {
    name: 'scope',
    seeds: [
      'repository:team/app:pull,push',
      'registry:catalog:* repository:a:pull',
      'repository:host:5000/a:*',
      'registry:meridian:*',
    ],
    tokens: [
      'repository:',
      'registry:',
      'catalog',
      'meridian',
      ':',
      ',',
      ' ',
      '*',
      'pull',
      'push',
      'delete',
      '**',
    ],
    check: (input) => {
      const parameters = input.toString().split('\n');
      const codes = ['REQUEST_INVALID', 'NAME_INVALID', 'TOO_LARGE'] as const;
      const scopes = parsed(() => parseScopes(parameters), ...codes);
      if (scopes === undefined) return;
      assert.ok(scopes.length <= MAX_SCOPES);
      assert.deepEqual(parseScopes(scopes.map(written)), scopes);
      const text = parameters.join(' ');
      for (const { actions, repositories } of grantsOf(scopes)) {
        // A scope is good for what it names: for all repositories only by the registry's own scopes.
        assert.ok(repositories === '**' ? text.includes('registry:') : text.includes(repositories));
        assert.ok(!actions.includes('administer') || text.includes('registry:meridian:'));
      }
    },
  },
  {
    name: 'token-request',
    seeds: ['grant_type=password&username=a&password=b&scope=repository:a:pull', 'scope=a&scope=b%20c'],
    tokens: ['scope=', '&', '%20', '+', '%00', 'repository:a:pull', 'registry:catalog:*', ';', '%', '=&'],
    check: (input) => {
      const form = new URLSearchParams(input.toString());
      const codes = ['REQUEST_INVALID', 'NAME_INVALID', 'TOO_LARGE'] as const;
      const scopes = parsed(() => parseScopes(form.getAll('scope')), ...codes) ?? [];
      for (const scope of scopes) assert.ok(!hasControls(written(scope)) && !/["\\ ]/.test(written(scope)));
    },
  },
  {
    name: 'token',
    seeds: [GOOD, `${HEADER}.${CLAIMS}.`, 'e30.e30.', `${part({ alg: 'none' })}.${CLAIMS}.`],
    tokens: [
      ...['.', '..', '=', HEADER, CLAIMS, MAC],
      ...[
        { alg: 'HS256', kid: 'k1', typ: 'at+jwt' },
        { alg: 'ES256', kid: 'k1', typ: 'at+jwt', jwk: {} },
        { alg: 'ES256', kid: 'k1', typ: 'at+jwt', crit: ['x'] },
        { ...TIMES, sub: 'admin' },
      ].map(part),
    ],
    maxBytes: 1_000,
    check: async (input) => {
      const token = input.toString('latin1');
      try {
        await verifyToken(token, RULES);
      } catch (error) {
        requireRefusal(error, ['UNAUTHORIZED']);
        return;
      }
      // The last character of a signature has bits that mean nothing.
      assert.equal(
        Buffer.from(token, 'base64url').toString('hex'),
        Buffer.from(GOOD, 'base64url').toString('hex'),
      );
      assert.ok(token.startsWith(`${HEADER}.${CLAIMS}.`));
    },
  },
  {
    name: 'secret',
    seeds: [
      `meridian_token_${'0'.repeat(20)}_${'A'.repeat(43)}`,
      `meridian_robot_${'a'.repeat(20)}_${'-'.repeat(43)}`,
    ],
    tokens: ['meridian_token_', 'meridian_robot_', '_', 'A'.repeat(43), '0'.repeat(20)],
    check: (input) => {
      const text = input.toString();
      const secret = parseSecret(text);
      if (secret !== undefined) assert.ok(text.startsWith(`meridian_${secret.kind}_${secret.id}_`));
    },
  },
  {
    name: 'password-hash',
    seeds: [
      `scrypt$32768$8$3$${'A'.repeat(22)}$${'A'.repeat(43)}`,
      `scrypt$2$1$1$${'-'.repeat(22)}$${'_'.repeat(43)}`,
    ],
    tokens: ['scrypt', '$', '8', '131072', '999999', 'A'.repeat(22), 'A'.repeat(43)],
    check: (input) => {
      const text = input.toString();
      if (!isPasswordHash(text)) return;
      const [, N, r, p] = text.split('$').map(Number);
      assert.ok(N !== undefined && r !== undefined && p !== undefined);
      // What one attempt may cost, whoever wrote the record.
      assert.ok(128 * N * r <= 128 * 1024 * 1024 && p <= 8 && p >= 1 && N >= 2);
    },
  },
];

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function written(scope: Scope): string {
  return formatScope(
    scope.type === 'registry' ? { registry: scope.name } : { repository: scope.name, actions: scope.actions },
  );
}
