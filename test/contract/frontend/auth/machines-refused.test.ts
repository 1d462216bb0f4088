import { createHmac, createPublicKey } from 'node:crypto';
import { CompactEncrypt, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../harness.ts';
import { GITHUB, openCi, type Ci } from './ci.ts';
import { guardedOfEachTest } from './harness.ts';
import { basic } from './people.ts';

const guarded = guardedOfEachTest();
const open = (): Promise<Ci> => openCi(guarded);

describe('is refused: a token of a CI', () => {
  const now = Math.floor(Date.now() / 1000);
  it.each([
    ['that no rule fits', { sub: 'repo:octo/app:pull_request' }],
    ['of a branch that looks like another’s', { sub: 'repo:octo/app:environment:x:ref:refs/heads/main' }],
    ['of another owner', { sub: 'repo:octo2/app:ref:refs/heads/main' }],
    ['whose claim is of another kind', { sub: ['repo:octo/app:ref:refs/heads/main'] }],
    ['of nobody', { sub: undefined }],
    ['for another audience', { aud: 'https://github.com/octo' }],
    ['for no audience', { aud: undefined }],
    ['of another issuer', { iss: 'https://token.actions.githubusercontent.com' }],
    ['of no issuer', { iss: undefined }],
    ['that has ended', { exp: now - 60 }],
    ['that never ends', { exp: undefined }],
    ['that has not begun', { nbf: now + 120 }],
    ['from the future', { iat: now + 120 }],
    ['that does not say when it was made', { iat: undefined }],
    ['older than any job', { iat: now - 25 * 3600, exp: now + 300 }],
  ])('%s', async (_what, changed) => {
    const { provider, ap, exchange } = await open();
    const token = await provider.issue({ ...GITHUB, ...changed });
    const answer = await exchange(token);
    expect([answer.status, errorCode(answer)]).toEqual([401, 'UNAUTHORIZED']);
    expect(answer.body.toString()).not.toContain(token);
    expect((await ap.send('GET', '/v2/', { headers: basic('oidc', token) })).status).toBe(401);
  });

  it('without a signature (alg none), or signed by HMAC with the public key (RS to HS)', async () => {
    const { provider, exchange } = await open();
    const claims = { iss: provider.url, iat: now, exp: now + 300, ...GITHUB };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const tokens = ['none', 'None', 'NONE', ''].flatMap((alg) => [
      `${part({ alg, typ: 'JWT' })}.${part(claims)}.`,
      `${part({ alg, typ: 'JWT' })}.${part(claims)}.AA`,
    ]);
    const jwk = await provider.publicKey();
    const pem = createPublicKey({ key: jwk, format: 'jwk' });
    for (const secret of [
      pem.export({ type: 'spki', format: 'pem' }),
      pem.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
      '',
    ]) {
      const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
      tokens.push(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`);
    }
    tokens.push(new UnsecuredJWT(claims).encode());
    tokens.push(
      await new CompactEncrypt(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'dir', enc: 'A128GCM' })
        .encrypt(new Uint8Array(16)),
    );
    for (const token of tokens) expect((await exchange(token)).status, token).toBe(401);
  });

  it('that brings its key, or says where it is (CVE-2025-24976)', async () => {
    const { provider, exchange } = await open();
    const own = await generateKeyPair('RS256', { extractable: true });
    const jwk = await exportJWK(own.publicKey);
    for (const more of [
      { jwk },
      { jku: `${provider.url}/jwks` },
      { x5u: `${provider.url}/jwks` },
      { x5c: ['MIIB'] },
    ]) {
      const claims = { iss: provider.url, iat: now, exp: now + 300, ...GITHUB };
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...more })
        .sign(own.privateKey);
      expect((await exchange(forged)).status).toBe(401);
      expect((await exchange(await provider.issue(GITHUB, more))).status).toBe(401);
    }
    // A thumbprint tells nothing that is followed: GitHub's tokens have one.
    expect((await exchange(await provider.issue(GITHUB, { x5t: 'abc' }))).status).toBe(200);
  });

  it('made for something else, or signed by a key that is not published', async () => {
    const { provider, exchange } = await open();
    for (const typ of ['at+jwt', 'logout+jwt', 7])
      expect((await exchange(await provider.issue(GITHUB, { typ }))).status).toBe(401);
    for (const kid of ['other', '__proto__', '', 7])
      expect((await exchange(await provider.issue(GITHUB, { kid }))).status).toBe(401);
    const signed = await provider.issue(GITHUB);
    for (const at of [10, 200, signed.length - 20]) {
      const changed = `${signed.slice(0, at)}${signed[at] === 'A' ? 'B' : 'A'}${signed.slice(at + 1)}`;
      expect((await exchange(changed)).status).toBe(401);
    }
  });

  it('whose issuer says in its description that it is another', async () => {
    const { provider, exchange } = await open();
    provider.describe({ issuer: 'https://other.example' });
    const answer = await exchange(await provider.issue(GITHUB));
    expect([answer.status, errorCode(answer)]).toEqual([503, 'UNAVAILABLE']);
  });

  it('of the registry itself', async () => {
    const { dev, tokenOf } = guarded();
    const { exchange } = await open();
    expect((await exchange(await tokenOf(dev, 'repository:team/app:pull'))).status).toBe(401);
  });

  it('in a form that is no exchange', async () => {
    const { provider, exchange } = await open();
    const token = await provider.issue(GITHUB);
    for (const wrong of [
      { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
      { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      { subject_token: '' },
    ] as Record<string, string>[])
      expect((await exchange(token, wrong)).status).toBe(400);
  });
});

it('a password is a password where it only looks like a token, as long as there are no rules', async () => {
  const { ap, put } = await open();
  await put({ rules: [] });
  const answer = await ap.send('GET', '/v2/', {
    headers: basic('nobody', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.AA'),
  });
  expect(answer.body.toString()).toContain('The name or the password or token is wrong');
});
