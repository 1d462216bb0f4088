import { describe, expect, it } from 'vitest';
import type { Answer } from '#test/support/registry-client.ts';
import { json } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';
import { bearer, giveToken, makeUser } from './people.ts';

const guarded = guardedOfEachTest();

describe('a token', () => {
  it('is granted for what of its scopes may be had', async () => {
    const { us, dev } = guarded();
    const scopes = [
      'repository:team/app:pull,push,delete',
      'repository:other/app:pull',
      'repository:public/app:pull',
    ];
    for (const query of [scopes.map((scope) => `scope=${scope}`).join('&'), `scope=${scopes.join('%20')}`]) {
      const answer = await us.send('GET', `/meridian/v1/token?${query}`, { headers: dev.basic });
      expect(json(answer)).toMatchObject({
        scope: 'repository:team/app:pull,push repository:public/app:pull',
        expires_in: 300,
      });
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });

  it('is had by a form, and by a refresh token whose narrowing stays (CVE-2025-68944)', async () => {
    const { memory, us, dev, known } = guarded();
    const narrow = giveToken(memory, 'dev', dev.id, {
      grants: [{ actions: ['see', 'pull'], repositories: 'team/app' as never }],
    });
    await known();
    const form = (fields: Record<string, string>): Promise<Answer> =>
      us.send('POST', '/meridian/v1/token', { body: new URLSearchParams(fields).toString() });
    const scope = 'repository:team/app:pull,push repository:team/other:pull';
    const first = await form({
      grant_type: 'password',
      username: 'dev',
      password: narrow.secret,
      access_type: 'offline',
      scope,
    });
    expect(json(first)).toMatchObject({ scope: 'repository:team/app:pull' });
    const { refresh_token } = json(first) as { refresh_token: string };
    const again = await form({ grant_type: 'refresh_token', refresh_token, scope });
    expect(json(again)).toMatchObject({ scope: 'repository:team/app:pull' });
    const { access_token } = json(again) as { access_token: string };
    const refused = await us.send('POST', '/v2/team/app/blobs/uploads/', { headers: bearer(access_token) });
    expect(refused.status).toBe(401);
    memory.remove('token', narrow.tokenId);
    await known();
    expect((await form({ grant_type: 'refresh_token', refresh_token, scope })).status).toBe(401);
    // An access token is no refresh token, and the other way round.
    expect((await form({ grant_type: 'refresh_token', refresh_token: access_token })).status).toBe(401);
    expect((await us.send('GET', '/v2/', { headers: bearer(refresh_token) })).status).toBe(401);
  });

  it('counts no more once its owner is removed, made again, or disabled', async () => {
    const { memory, eu, dev, puller, known, tokenOf, push } = guarded();
    await push('team/app', dev);
    const token = await tokenOf(puller, 'repository:team/app:pull');
    const pull = (): Promise<Answer> =>
      eu.send('GET', '/v2/team/app/manifests/latest', { headers: bearer(token) });
    expect((await pull()).status).toBe(200);
    memory.put('principal', 'puller', {
      kind: 'user',
      id: puller.id,
      groups: ['staff'],
      disabled: true,
      createdAtMs: 0,
    });
    await known();
    expect((await pull()).status).toBe(401);
    makeUser(memory, 'puller', { groups: ['staff'] });
    await known();
    expect((await pull()).status).toBe(401);
  });

  it('loses what its owner loses: groups, bindings (CVE-2025-23208)', async () => {
    const { memory, us, dev, puller, known, tokenOf, push } = guarded();
    await push('team/app', dev);
    const token = await tokenOf(puller, 'repository:team/app:pull');
    memory.put('principal', 'puller', {
      kind: 'user',
      id: puller.id,
      groups: [],
      disabled: false,
      createdAtMs: 0,
    });
    await known();
    expect((await us.send('GET', '/v2/team/app/manifests/latest', { headers: bearer(token) })).status).toBe(
      401,
    );
  });

  it('goes on while keys change, and ends with its key', async () => {
    const { memory, us, dev, known, tokenOf } = guarded();
    const [kid] = (json(await us.send('GET', '/meridian/v1/jwks')) as { keys: { kid: string }[] }).keys.map(
      (key) => key.kid,
    );
    const token = await tokenOf(dev);
    memory.rotate();
    await known();
    expect((await us.send('GET', '/v2/', { headers: bearer(token) })).status).toBe(200);
    const keys = await us.send('GET', '/meridian/v1/jwks');
    expect((json(keys) as { keys: object[] }).keys).toHaveLength(2);
    expect(keys.body.toString()).not.toContain('"d"');
    memory.remove('key', kid ?? '');
    await known();
    expect((await us.send('GET', '/v2/', { headers: bearer(token) })).status).toBe(401);
  });
});
