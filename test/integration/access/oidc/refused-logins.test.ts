import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { send, type Answer } from '#test/support/registry-client.ts';
import { asAdmin, browse, vouchedOfEachTest } from './vouched.ts';

const vouched = vouchedOfEachTest();

describe('a login that is not as it should be', () => {
  const VERIFIER = 'v'.repeat(43);
  const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
  const start = (region: RegionName): string =>
    `http://${vouched().cluster.registry(region)}/meridian/v1/auth/oidc/corp/start?challenge=${CHALLENGE}&port=9999`;

  it('gives nothing to another program than began it, and what it gives counts once', async () => {
    const code = new URL(await browse(start('us'))).searchParams.get('code') ?? '';
    const complete = (region: RegionName, body: object): Promise<Answer> =>
      send(vouched().cluster.registry(region), 'POST', '/meridian/v1/auth/oidc/corp/session', {
        body: JSON.stringify(body),
      });
    for (const verifier of ['w'.repeat(43), CHALLENGE])
      expect((await complete('us', { code, verifier })).status).toBe(401);
    for (const wrong of ['', 'x', `${code.slice(0, -2)}AA`, code.slice(20)])
      expect((await complete('us', { code: wrong, verifier: VERIFIER })).status).toBe(400);
    expect((await complete('eu', { code, verifier: VERIFIER })).status).toBe(201);
    for (const region of REGIONS) {
      const again = await complete(region, { code, verifier: VERIFIER });
      expect([region, again.status]).toEqual([region, 409]);
    }
    const journal = await send(vouched().cluster.registry('eu'), 'GET', '/meridian/v1/audit?action=login', {
      headers: vouched().cluster.admin,
    });
    expect(JSON.parse(journal.body.toString())).toMatchObject({
      entries: expect.arrayContaining([
        expect.objectContaining({ who: 'corp+alice', issuer: 'corp', subject: '1', allowed: true }),
      ]) as unknown,
    });
  });

  it('has its state, code, nonce and issuer checked at the callback', async () => {
    const begun = await fetch(start('us'), { redirect: 'manual' });
    const page = new URL(begun.headers.get('location') ?? '');
    expect(Object.fromEntries(page.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      client_id: 'meridian',
    });
    const state = page.searchParams.get('state') ?? '';
    expect(Buffer.from(state, 'base64url').toString('latin1')).not.toContain('nonce');
    const callback = async (query: Record<string, string>): Promise<Response> =>
      fetch(
        `http://${vouched().cluster.registry('ap')}/meridian/v1/auth/oidc/corp/callback?${new URLSearchParams(query).toString()}`,
        { redirect: 'manual' },
      );
    for (const wrong of ['', 'x', `${state.slice(0, -3)}AAA`])
      expect((await callback({ state: wrong, code: 'x' })).status).toBe(400);
    const errorOf = async (query: Record<string, string>): Promise<string> =>
      new URL((await callback({ state, ...query })).headers.get('location') ?? '').searchParams.get(
        'error',
      ) ?? '';
    const iss = vouched().provider.url;
    expect(await errorOf({ code: 'never given', iss })).toContain('answered 400');
    expect(await errorOf({ code: 'x', iss: 'https://other.example' })).toContain('another issuer');
    expect(await errorOf({ code: 'x' })).toContain('another issuer');
    expect(await errorOf({ error: 'access_denied', iss })).toContain('access_denied');
    // A code of another login, with its own verifier and nonce.
    const stranger = new URL(
      (await fetch(start('us'), { redirect: 'manual' })).headers.get('location') ?? '',
    );
    const strange = new URL((await fetch(stranger, { redirect: 'manual' })).headers.get('location') ?? '');
    expect(await errorOf({ code: strange.searchParams.get('code') ?? '', iss })).toContain('answered 400');
    // What the issuer's token must say of the login.
    for (const wrong of [
      { nonce: 'another' },
      { aud: 'another' },
      { azp: 'another' },
      { iss: 'https://other.example' },
      { aud: ['meridian', 'another'] },
    ]) {
      vouched().provider.person = { sub: '1', preferred_username: 'alice', groups: ['devs'], ...wrong };
      const told = new URL(await browse(start('eu'))).searchParams;
      expect([told.get('code'), told.get('error')]).toEqual([
        null,
        expect.stringMatching(/prove who you are|not accepted/),
      ]);
    }
  });

  it('begins with a challenge and a port, at an issuer that people log in through', async () => {
    for (const query of [
      '',
      `challenge=${CHALLENGE}`,
      `challenge=${CHALLENGE}&port=80`,
      'challenge=x&port=9999',
      `challenge=${CHALLENGE}&port=9999@evil.example`,
    ])
      expect(
        (await send(vouched().cluster.registry('us'), 'GET', `/meridian/v1/auth/oidc/corp/start?${query}`))
          .status,
      ).toBe(400);
    expect((await fetch(start('us').replace('/corp/', '/nobody/'), { redirect: 'manual' })).status).toBe(404);
  });
});

it('an issuer is added only if it can be relied on, and its client’s secret is shown to nobody', async () => {
  const listed = await asAdmin(vouched(), 'auth', 'issuers', '--json');
  expect(listed.out).toContain(vouched().provider.url);
  expect(listed.out).not.toContain('secret of');
  for (const [url, why] of [
    ['http://10.0.0.1', 'https'],
    ['https://169.254.169.254', 'not one of the internet'],
    [`${vouched().provider.url}/elsewhere`, 'answered 404'],
  ] as const) {
    const refused = await asAdmin(vouched(), 'auth', 'issuers', 'add', 'wrong', '--url', url);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining(why)]);
  }
  expect(vouched().cluster.output()).not.toContain(vouched().provider.client.secret);
});
