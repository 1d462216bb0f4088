import { describe, expect, it } from 'vitest';
import { json } from '../harness.ts';
import { accessOf, GITHUB, GITLAB, openCi, RULE, type Ci } from './ci.ts';
import { guardedOfEachTest } from './harness.ts';
import { basic, bearer } from './people.ts';

const guarded = guardedOfEachTest();
const open = (): Promise<Ci> => openCi(guarded);

describe('a job of a CI', () => {
  it('gets a token of the registry for its own, and may what its robot may', async () => {
    const { provider, ap, exchange } = await open();
    const answer = await exchange(await provider.issue(GITHUB));
    expect(json(answer)).toMatchObject({
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'repository:team/app:pull,push',
    });
    expect(json(answer)).not.toHaveProperty('refresh_token');
    const upload = await ap.send('POST', '/v2/team/app/blobs/uploads/', {
      headers: bearer(accessOf(answer)),
    });
    expect(upload.status).toBe(202);
    const self = await ap.send('GET', '/meridian/v1/auth/self', { headers: bearer(accessOf(answer)) });
    expect(json(self)).toMatchObject({ name: 'builder', kind: 'robot' });
  });

  it('logs in by its token in the place of a password, as docker and skopeo send it', async () => {
    const { provider, ap } = await open();
    const token = await provider.issue(GITHUB);
    for (const name of ['oidc', 'builder']) {
      const headers = basic(name, token);
      expect((await ap.send('GET', '/v2/', { headers })).status).toBe(200);
      const path =
        '/meridian/v1/token?service=meridian&offline_token=true&scope=repository:team/app:pull,push';
      const answer = json(await ap.send('GET', path, { headers })) as {
        refresh_token: string;
        scope: string;
      };
      expect(answer.scope).toBe('repository:team/app:pull,push');
      const form = {
        grant_type: 'refresh_token',
        refresh_token: answer.refresh_token,
        scope: 'repository:team/app:pull',
      };
      const again = await ap.send('POST', '/meridian/v1/token', {
        body: new URLSearchParams(form).toString(),
      });
      expect(json(again)).toMatchObject({ scope: 'repository:team/app:pull' });
    }
    for (const name of ['other', 'admin', 'nobody', ''])
      expect((await ap.send('GET', '/v2/', { headers: basic(name, token) })).status).toBe(401);
  });

  it('chooses between rules by the name of a robot; else the first that fits counts', async () => {
    const { provider, ap, put } = await open();
    const gitlab = { ...RULE, id: 'rule-of-gitlab', robot: 'other', robotId: 'id-of-other' };
    const claims = [
      { claim: 'namespace_path', pattern: 'tools' },
      { claim: 'ref_protected', pattern: 'true' },
    ];
    await put({ rules: [RULE, { ...gitlab, claims }, { ...RULE, id: 'rule-last', claims }] });
    const who = async (name: string, claimed: object): Promise<unknown> => {
      const headers = basic(name, await provider.issue(claimed));
      const answer = await ap.send('GET', '/meridian/v1/auth/self', { headers });
      return answer.status === 200 ? (json(answer) as { name: string }).name : answer.status;
    };
    expect(await who('oidc', GITHUB)).toBe('builder');
    expect(await who('oidc', GITLAB)).toBe('other');
    expect(await who('builder', GITLAB)).toBe('builder');
    expect(await who('other', GITHUB)).toBe(401);
    expect(await who('oidc', { ...GITLAB, ref_protected: 'false' })).toBe(401);
  });

  it('may no more than its rule says, whatever the robot may', async () => {
    const { provider, ap, put, exchange } = await open();
    await put({ rules: [{ ...RULE, grants: [{ actions: ['see', 'pull'], repositories: 'team/app' }] }] });
    const scope = 'repository:team/app:pull,push repository:team/other:pull';
    const answer = await exchange(await provider.issue(GITHUB), { scope });
    expect(json(answer)).toMatchObject({ scope: 'repository:team/app:pull' });
    const headers = basic('oidc', await provider.issue(GITHUB));
    expect((await ap.send('POST', '/v2/team/app/blobs/uploads/', { headers })).status).toBe(403);
    expect((await ap.send('POST', '/meridian/v1/auth/tokens', { headers, body: '{}' })).status).toBe(403);
  });

  it('loses what it was given as soon as its rule, its issuer or its robot goes', async () => {
    const { memory } = guarded();
    const { provider, ap, put, exchange } = await open();
    const robot = {
      kind: 'robot',
      groups: [],
      createdAtMs: 0,
      secrets: [],
      id: 'id-of-builder',
      disabled: false,
    };
    for (const [take, give] of [
      [() => put({ rules: [] }), () => put()],
      [() => put({ rules: [{ ...RULE, id: 'another-rule' }] }), () => put()],
      [() => put({ url: 'https://another.example', rules: [] }), () => put()],
      [
        () => (memory.put('principal', 'builder', { ...robot, disabled: true }), put()),
        () => (memory.put('principal', 'builder', robot), put()),
      ],
      [() => (memory.put('principal', 'builder', { ...robot, id: 'someone-else' }), put()), () => put()],
    ] as const) {
      const headers = bearer(accessOf(await exchange(await provider.issue(GITHUB))));
      const ask = async (): Promise<number> =>
        (await ap.send('POST', '/v2/team/app/blobs/uploads/', { headers })).status;
      expect(await ask()).toBe(202);
      await take();
      expect(await ask()).toBe(401);
      await give();
    }
  });

  it('ends with the time that its rule gives, whatever was refreshed', async () => {
    const { provider, ap, put, exchange } = await open();
    await put({ rules: [{ ...RULE, sessionMs: 60_000 }] });
    const answer = json(await exchange(await provider.issue(GITHUB), { access_type: 'offline' })) as Record<
      string,
      unknown
    >;
    expect(answer['expires_in']).toBeLessThanOrEqual(60);
    const [, payload = ''] = String(answer['refresh_token']).split('.');
    const { exp, iat } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
      exp: number;
      iat: number;
    };
    expect(exp - iat).toBeLessThanOrEqual(60);
    expect((await ap.send('GET', '/v2/', { headers: bearer(String(answer['access_token'])) })).status).toBe(
      200,
    );
  });

  it('is kept in the journal with who its issuer said it was, let in or not', async () => {
    const { admin } = guarded();
    const { provider, ap, exchange } = await open();
    expect((await exchange(await provider.issue(GITHUB))).status).toBe(200);
    expect(
      (await exchange(await provider.issue({ ...GITHUB, sub: 'repo:evil/app:ref:refs/heads/main' }))).status,
    ).toBe(401);
    const read = async (): Promise<Record<string, unknown>[]> =>
      (
        json(await ap.send('GET', '/meridian/v1/audit?action=login', { headers: admin.basic })) as {
          entries: Record<string, unknown>[];
        }
      ).entries;
    await expect.poll(async () => (await read()).length, { interval: 5, timeout: 10_000 }).toBe(2);
    const entries = await read();
    const [let_in, refused] = [
      entries.find(({ allowed }) => allowed),
      entries.find(({ allowed }) => !allowed),
    ];
    expect(let_in).toMatchObject({
      who: 'builder',
      whoId: 'id-of-builder',
      issuer: 'ci',
      subject: GITHUB.sub,
    });
    expect(refused).toMatchObject({
      who: '',
      issuer: 'ci',
      subject: 'repo:evil/app:ref:refs/heads/main',
      code: 'UNAUTHORIZED',
    });
  });
});
