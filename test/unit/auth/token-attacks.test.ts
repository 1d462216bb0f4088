import { createHmac, createPublicKey } from 'node:crypto';
import { CompactEncrypt, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { verifyToken, type TokenRules } from '#libs/jwt/verify.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const seconds = NOW / 1000;
const claims = {
  iss: 'meridian',
  aud: 'registry',
  sub: 'alice',
  iat: seconds,
  nbf: seconds,
  exp: seconds + 300,
};

let own: { publicKey: CryptoKey; privateKey: CryptoKey };
let foreign: { publicKey: CryptoKey; privateKey: CryptoKey };
let rsa: { publicKey: CryptoKey; privateKey: CryptoKey };
let rules: TokenRules;

beforeAll(async () => {
  own = await generateKeyPair('ES256', { extractable: true });
  foreign = await generateKeyPair('ES256', { extractable: true });
  rsa = await generateKeyPair('RS256', { extractable: true });
  rules = {
    algorithms: ['ES256'],
    issuer: 'meridian',
    audience: 'registry',
    type: 'at+jwt',
    maxAgeSeconds: 300,
    clockToleranceSeconds: 30,
    key: async (kid) => (kid === 'k1' ? own.publicKey : undefined),
    clock: () => NOW,
  };
});

const HEADER = { alg: 'ES256', kid: 'k1', typ: 'at+jwt' };

function sign(header: object = {}, changed: object = {}, key = own.privateKey): Promise<string> {
  const all = Object.entries<unknown>({ ...claims, ...changed }).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(all)).setProtectedHeader({ ...HEADER, ...header }).sign(key);
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const refused = { name: 'RegistryError', code: 'UNAUTHORIZED' };

it('a token that is as it should be is accepted', async () => {
  expect(await verifyToken(await sign(), rules)).toMatchObject(claims);
});

describe('is refused: a token', () => {
  it('that brings its own key (CVE-2025-24976)', async () => {
    const jwk = await exportJWK(foreign.publicKey);
    for (const header of [{ jwk }, { jwk, kid: undefined }, { x5c: ['MIIB'] }]) {
      await expect(verifyToken(await sign(header, {}, foreign.privateKey), rules)).rejects.toMatchObject(
        refused,
      );
      await expect(verifyToken(await sign(header), rules)).rejects.toMatchObject(refused);
    }
  });

  it('that says where its key is to be had', async () => {
    for (const header of [
      { jku: 'http://127.0.0.1:1/keys' },
      { x5u: 'http://127.0.0.1:1/chain' },
      { x5t: 'aa' },
    ]) {
      await expect(verifyToken(await sign(header), rules)).rejects.toMatchObject(refused);
    }
  });

  it('without a signature: alg none', async () => {
    const unsecured = new UnsecuredJWT(claims).encode();
    const [, body = ''] = unsecured.split('.');
    const tokens = ['none', 'None', 'NONE', 'nOnE', ''].map((alg) => `${part({ ...HEADER, alg })}.${body}.`);
    const signed = await sign();
    for (const token of [unsecured, ...tokens, `${signed.slice(0, signed.lastIndexOf('.'))}.`]) {
      await expect(verifyToken(token, rules)).rejects.toMatchObject(refused);
    }
  });

  it('signed by HMAC with a public key as its secret: RS to HS, ES to HS', async () => {
    for (const pair of [rsa, own]) {
      const pem = createPublicKey({ key: await exportJWK(pair.publicKey), format: 'jwk' });
      const secrets = [
        pem.export({ type: 'spki', format: 'pem' }),
        pem.export({ type: 'spki', format: 'der' }),
        JSON.stringify(await exportJWK(pair.publicKey)),
      ];
      for (const secret of secrets) {
        const signed = `${part({ ...HEADER, alg: 'HS256' })}.${part(claims)}`;
        const mac = createHmac('sha256', secret).update(signed).digest('base64url');
        for (const algorithms of [['ES256'], ['RS256', 'ES256']]) {
          const accepting = { ...rules, algorithms, key: async () => pair.publicKey };
          await expect(verifyToken(`${signed}.${mac}`, accepting)).rejects.toMatchObject(refused);
        }
      }
    }
  });

  it('of another algorithm than the known key’s', async () => {
    const token = await sign({ alg: 'RS256' }, {}, rsa.privateKey);
    await expect(verifyToken(token, rules)).rejects.toMatchObject(refused);
    await expect(verifyToken(token, { ...rules, algorithms: ['RS256', 'ES256'] })).rejects.toMatchObject(
      refused,
    );
  });

  it('signed with a key that is not known here, whatever it is called', async () => {
    for (const kid of ['k2', '', '__proto__', 'constructor', '../k1', 'k1\0', undefined, 1]) {
      await expect(verifyToken(await sign({ kid }, {}, foreign.privateKey), rules)).rejects.toMatchObject(
        refused,
      );
    }
    await expect(verifyToken(await sign({}, {}, foreign.privateKey), rules)).rejects.toMatchObject(refused);
  });

  it.each([
    ['of another issuer', { iss: 'other' }],
    ['of no issuer', { iss: undefined }],
    ['for another audience', { aud: 'other' }],
    ['for no audience', { aud: undefined }],
    ['of nobody', { sub: undefined }],
    ['that has ended', { iat: seconds - 300, nbf: seconds - 300, exp: seconds - 31 }],
    ['that never ends', { exp: undefined }],
    ['that has not begun', { nbf: seconds + 31 }],
    ['from the future', { iat: seconds + 31, exp: seconds + 300 }],
    ['older than any is', { iat: seconds - 331, nbf: seconds - 331, exp: seconds + 9999 }],
    ['that does not say when it was made', { iat: undefined }],
    ['whose times are no numbers', { exp: '9999999999' }],
    ['whose end is no time', { exp: Number.MAX_VALUE, iat: -1 }],
  ])('%s', async (_what, changed) => {
    await expect(verifyToken(await sign({}, changed), rules)).rejects.toMatchObject(refused);
  });

  it('made for something else', async () => {
    for (const typ of ['JWT', 'rt+jwt', undefined])
      await expect(verifyToken(await sign({ typ }), rules)).rejects.toMatchObject(refused);
  });

  it('that asks for extensions', async () => {
    const header = part({ ...HEADER, crit: ['b64'], b64: false });
    const [, body, mac] = (await sign()).split('.');
    await expect(verifyToken(`${header}.${body ?? ''}.${mac ?? ''}`, rules)).rejects.toMatchObject(refused);
  });

  it('of which any character was changed, or that is none at all', async () => {
    const token = await sign();
    for (let i = 0; i < token.length; i += 7) {
      const other = token[i] === 'A' ? 'B' : 'A';
      const changed = token.slice(0, i) + other + token.slice(i + 1);
      await expect(verifyToken(changed, rules)).rejects.toMatchObject(refused);
    }
    const encrypted = await new CompactEncrypt(Buffer.from(token))
      .setProtectedHeader({ alg: 'dir', enc: 'A128GCM' })
      .encrypt(new Uint8Array(16));
    for (const text of ['', '.', '..', 'a.b.c', `${token}.x`, ` ${token}`, encrypted, '{}', 'null.null.null'])
      await expect(verifyToken(text, rules)).rejects.toMatchObject(refused);
  });
});
