import { describe, expect, it } from 'vitest';
import { hashPassword } from '#libs/auth/password.ts';
import { defaultAuthSettings } from '#services/frontend/auth/settings.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import { errorCode } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';
import { basic, bearer } from './people.ts';

const guarded = guardedOfEachTest();

describe('whoever asks', () => {
  it('is told at /v2/ to log in, and how', async () => {
    const { us, dev, tokenOf } = guarded();
    const answer = await us.send('GET', '/v2/');
    expect(answer.status).toBe(401);
    const realm = `http://${us.address}/meridian/v1/token`;
    expect(answer.headers['www-authenticate']).toBe(`Bearer realm="${realm}",service="meridian"`);
    expect(errorCode(answer)).toBe('UNAUTHORIZED');
    for (const headers of [dev.basic, bearer(await tokenOf(dev)), bearer(await tokenOf(undefined))])
      expect((await us.send('GET', '/v2/', { headers })).status).toBe(200);
  });

  it('gets what his role gives him, by name and token or by a token of the registry, in every region', async () => {
    const { us, eu, dev, puller, guest, stranger, tokenOf, push } = guarded();
    const { digest, layer } = await push('team/app', dev);
    const manifest = `/v2/team/app/manifests/latest`;
    for (const region of [us, eu]) {
      for (const who of [dev, puller]) {
        const token = await tokenOf(who, 'repository:team/app:pull');
        for (const headers of [who.basic, bearer(token)]) {
          expect((await region.send('GET', manifest, { headers })).headers['docker-content-digest']).toBe(
            digest,
          );
          expect((await region.send('HEAD', `/v2/team/app/blobs/${layer}`, { headers })).status).toBe(200);
        }
      }
      expect((await region.send('GET', manifest, { headers: guest.basic })).status).toBe(403);
      expect((await region.send('GET', '/v2/team/app/tags/list', { headers: guest.basic })).status).toBe(200);
      expect((await region.send('GET', manifest, { headers: stranger.basic })).status).toBe(404);
    }
  });

  it('gets in with a password that was changed to what it was before', async () => {
    const { memory, us, known } = guarded();
    const hash = await hashPassword('correct horse battery');
    for (const id of ['password-1', 'password-2']) {
      const user = { kind: 'user', id: 'id-of-alice', groups: [], disabled: false, createdAtMs: 0 };
      memory.put('principal', 'alice', { ...user, password: { id, hash } });
      await known();
      const headers = basic('alice', 'correct horse battery');
      expect((await us.send('GET', '/v2/', { headers })).status).toBe(200);
    }
  });

  it('is told for which scope to come back, by whom a token was not narrowed to it or who has none', async () => {
    const { us, dev, tokenOf } = guarded();
    const path = '/v2/team/app/blobs/uploads/';
    const scope = 'scope="repository:team/app:pull,push"';
    expect((await us.send('POST', path)).headers['www-authenticate']).toContain(scope);
    const token = await tokenOf(dev, 'repository:team/app:pull');
    const answer = await us.send('POST', path, { headers: bearer(token) });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain(`${scope},error="insufficient_scope"`);
    const other = await tokenOf(dev, 'repository:team/app:pull,push');
    expect((await us.send('POST', path, { headers: bearer(other) })).status).toBe(202);
  });

  it('may pull what is public without a word, and nothing else', async () => {
    const { us, dev, admin, push } = guarded();
    await push('public/app', admin);
    await push('team/app', dev);
    expect((await us.send('GET', '/v2/public/app/manifests/latest')).status).toBe(200);
    expect((await us.send('POST', '/v2/public/app/blobs/uploads/')).status).toBe(401);
    const [there, nowhere] = [
      await us.send('GET', '/v2/team/app/manifests/latest'),
      await us.send('GET', '/v2/team/abc/manifests/latest'),
    ];
    expect(there.status).toBe(401);
    expect(JSON.stringify(told(there))).toBe(
      JSON.stringify(told(nowhere)).replaceAll('team/abc', 'team/app'),
    );
  });

  it('is refused with wrong credentials even what is public', async () => {
    const { us, admin, push } = guarded();
    await push('public/app', admin);
    for (const headers of [
      basic('dev', 'wrong'),
      basic('dev', admin.secret),
      bearer('a.b.c'),
      { authorization: 'Digest x' },
    ])
      expect((await us.send('GET', '/v2/public/app/manifests/latest', { headers })).status).toBe(401);
  });
});

describe('a state that is old', () => {
  it('lets nobody in beyond its time, before that warns, and never having had one lets nobody in', async () => {
    const { memory, us, dev, open, known } = guarded();
    memory.age(60_000);
    await known();
    const answer = await us.send('GET', '/v2/', { headers: dev.basic });
    expect(answer.headers.warning).toContain('permissions');
    memory.age(defaultAuthSettings.staleMs + 1);
    await expect.poll(async () => (await us.send('GET', '/v2/', { headers: dev.basic })).status).toBe(503);
    memory.cutOff();
    const never = await open(memoryRegions('ap').ap);
    for (const path of ['/v2/', '/v2/public/app/manifests/latest'])
      expect((await never.send('GET', path)).status).toBe(503);
    expect((await never.send('GET', '/healthz')).status).toBe(200);
  });
});

describe('a Host header', () => {
  it('is repeated only if it is one, and X-Forwarded never', async () => {
    const { us, open } = guarded();
    for (const host of ['evil"', 'a b', 'evil,x="', '<x>', 'a'.repeat(300)])
      expect((await us.send('GET', '/v2/', { headers: { host } })).status).toBe(400);
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    };
    const { headers: answered } = await us.send('GET', '/v2/', { headers });
    expect(answered['www-authenticate']).not.toContain('evil');
    const settled = await open(memoryRegions('ap').ap, { publicUrl: 'https://registry.example.net' });
    const asked = (): Promise<Answer> => settled.send('GET', '/v2/', { headers: { host: 'evil.example' } });
    await expect
      .poll(async () => (await asked()).headers['www-authenticate'])
      .toBe('Bearer realm="https://registry.example.net/meridian/v1/token",service="meridian"');
  });
});

function told({ status, headers, body }: Answer): unknown {
  const { date: _date, ...rest } = headers;
  return { status, rest, body: body.toString() };
}
