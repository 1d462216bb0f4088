import { describe, expect, it } from 'vitest';
import { imageManifest, json, sha256, someBytes } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';
import { bearer, grant, makeUser } from './people.ts';

const guarded = guardedOfEachTest();
const SCOPE = 'repository:shared/app:pull,push,delete';

describe('a token that was given for a repository', () => {
  it('opens nothing of what a new owner makes under the name, after all of it was deleted (old token, new repository)', async () => {
    const { memory, us, eu, admin, known, tokenOf, push } = guarded();
    const old = makeUser(memory, 'old-owner');
    const mine = grant(memory, 'maintainer', 'user:old-owner', 'shared/app');
    await known();
    const before = await push('shared/app', old);
    const token = bearer(await tokenOf(old, SCOPE));
    const upload = await us.send('POST', '/v2/shared/app/blobs/uploads/', { headers: token });
    expect(upload.status).toBe(202);
    for (const path of [
      'manifests/latest',
      `manifests/${before.digest}`,
      `blobs/${before.layer}`,
      `blobs/${sha256(Buffer.from('{}'))}`,
    ])
      expect((await us.send('DELETE', `/v2/shared/app/${path}`, { headers: token })).status).toBe(202);

    memory.remove('binding', mine);
    const next = makeUser(memory, 'new-owner');
    grant(memory, 'maintainer', 'user:new-owner', 'shared/app');
    await known();
    const { digest, layer } = await push('shared/app', next);
    const nobodys = makeUser(memory, 'stranger-to-it');
    await known();
    const unknown = await us.send('GET', '/v2/shared/app/manifests/latest', { headers: nobodys.basic });
    for (const region of [us, eu])
      for (const headers of [token, old.basic, bearer(await tokenOf(old, SCOPE))])
        for (const [method, path] of [
          ['GET', 'manifests/latest'],
          ['HEAD', `manifests/${digest}`],
          ['GET', `blobs/${layer}`],
          ['GET', 'tags/list'],
          ['GET', `referrers/${digest}`],
          ['POST', 'blobs/uploads/'],
          ['POST', `blobs/uploads/?mount=${layer}&from=shared/app`],
          ['DELETE', 'manifests/latest'],
        ] as const) {
          const { status } = await region.send(method, `/v2/shared/app/${path}`, { headers });
          expect([method, path, status]).toEqual([method, path, headers === old.basic ? 404 : 401]);
        }
    const asked = await us.send('GET', '/v2/shared/app/manifests/latest', { headers: old.basic });
    expect(asked.body).toEqual(unknown.body);
    // What he had begun there is no way in either, and neither is mounting from it.
    const location = upload.headers.location ?? '';
    expect((await us.send('GET', location, { headers: token })).status).toBe(401);
    grant(memory, 'developer', 'user:old-owner', 'elsewhere/app');
    await known();
    const mount = `/v2/elsewhere/app/blobs/uploads/?mount=${layer}&from=shared/app`;
    expect((await us.send('POST', mount, { headers: old.basic })).status).toBe(202);
    expect((await us.send('GET', '/v2/shared/app/manifests/latest', { headers: admin.basic })).status).toBe(
      200,
    );
  });

  it('is worth, under the name made again, what its bearer may do there now, and no more than it was asked for', async () => {
    const { memory, us, dev, known, tokenOf, push } = guarded();
    const old = makeUser(memory, 'old-owner');
    const mine = grant(memory, 'maintainer', 'user:old-owner', 'team/app');
    await known();
    await push('team/app', old);
    const token = bearer(await tokenOf(old, 'repository:team/app:pull,push'));
    expect((await us.send('DELETE', '/v2/team/app/manifests/latest', { headers: old.basic })).status).toBe(
      202,
    );
    memory.remove('binding', mine);
    grant(memory, 'puller', 'user:old-owner', 'team/app');
    await known();
    await push('team/app', dev);
    expect((await us.send('GET', '/v2/team/app/manifests/latest', { headers: token })).status).toBe(200);
    expect((await us.send('POST', '/v2/team/app/blobs/uploads/', { headers: token })).status).toBe(401);
  });
});

describe('a push that takes longer than its token', () => {
  it('goes on with another token where the one before has ended, with all that was sent', async () => {
    const { us, dev, clock, tokenOf, put } = guarded();
    const scope = 'repository:team/app:pull,push';
    const first = bearer(await tokenOf(dev, scope));
    const layer = someBytes(200);
    const opened = await us.send('POST', '/v2/team/app/blobs/uploads/', { headers: first });
    const half = { headers: first, body: layer.subarray(0, 100) };
    const patched = await us.send('PATCH', opened.headers.location ?? '', half);
    expect(patched.status).toBe(202);
    clock.advance(10 * 60_000);
    const location = patched.headers.location ?? '';
    const rest = layer.subarray(100);
    const late = await us.send('PATCH', location, { headers: first, body: rest });
    expect(late.status).toBe(401);
    expect(late.headers['www-authenticate']).toContain(`scope="${scope}",error="invalid_token"`);
    const second = bearer(await tokenOf(dev, scope));
    const gone = await us.send('PATCH', location, { headers: second, body: rest });
    expect(gone.status).toBe(202);
    const end = `${gone.headers.location ?? ''}?digest=${sha256(layer)}`;
    expect((await us.send('PUT', end, { headers: second })).status).toBe(201);
    const config = `/v2/team/app/blobs/uploads/?digest=${sha256(Buffer.from('{}'))}`;
    expect((await us.send('POST', config, { headers: second, body: Buffer.from('{}') })).status).toBe(201);
    expect((await put('/v2/team/app/manifests/late', imageManifest(layer), dev)).status).toBe(201);
    expect(json(await us.send('GET', '/v2/team/app/tags/list', { headers: second }))).toMatchObject({
      tags: ['late'],
    });
  });
});
