import { describe, expect, it } from 'vitest';
import { errorCode, imageManifest, json, sha256, someBytes } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';
import { bearer, grant } from './people.ts';

const guarded = guardedOfEachTest();

describe('what depends on more than the path', () => {
  it('an upload is only its beginner’s, in every region (CVE-2026-32589)', async () => {
    const { memory, us, eu, dev, puller, known, tokenOf } = guarded();
    grant(memory, 'developer', 'user:puller', 'team/**');
    await known();
    const opened = await us.send('POST', '/v2/team/app/blobs/uploads/', { headers: dev.basic });
    const location = opened.headers.location ?? '';
    const body = someBytes(10);
    for (const region of [us, eu]) {
      for (const [method, path] of [
        ['GET', location],
        ['PATCH', location],
        ['PUT', `${location}?digest=${sha256(body)}`],
        ['DELETE', location],
      ] as const) {
        const answer = await region.send(method, path, {
          headers: puller.basic,
          ...(method !== 'GET' && { body }),
        });
        expect([method, answer.status, errorCode(answer)]).toEqual([method, 404, 'BLOB_UPLOAD_UNKNOWN']);
      }
      expect((await region.send('GET', location, { headers: dev.basic })).status).toBe(204);
    }
    // The same one goes on in another region, with a token of the registry.
    const token = await tokenOf(dev, 'repository:team/app:push');
    const ended = await eu.send('PUT', `${location}?digest=${sha256(body)}`, {
      headers: bearer(token),
      body,
    });
    expect(ended.status).toBe(201);
  });

  it('a mount takes only what may be pulled, named or not (GHSA-55r9-5mx9-qq7r)', async () => {
    const { us, dev, admin, tokenOf, push } = guarded();
    const { layer } = await push('secret/app', admin);
    const never = sha256(someBytes(5));
    for (const from of ['&from=secret/app', '']) {
      const answers = [];
      for (const digest of [layer, never]) {
        const path = `/v2/team/app/blobs/uploads/?mount=${digest}${from}`;
        const answer = await us.send('POST', path, { headers: dev.basic });
        expect(answer.status).toBe(202);
        answers.push(Object.keys(answer.headers).sort());
      }
      expect(answers[0]).toEqual(answers[1]);
      const token = await tokenOf(admin, 'repository:team/app:push');
      const narrowed = await us.send('POST', `/v2/team/app/blobs/uploads/?mount=${layer}${from}`, {
        headers: bearer(token),
      });
      expect(narrowed.status).toBe(202);
    }
    const mounted = await us.send('POST', `/v2/team/app/blobs/uploads/?mount=${layer}&from=secret/app`, {
      headers: admin.basic,
    });
    expect(mounted.status).toBe(201);
  });

  it('moving a tag takes more than pushing one (CVE-2026-31801)', async () => {
    const { dev, admin, push, put } = guarded();
    await push('team/app', dev, 'v1');
    const other = imageManifest(Buffer.alloc(0), { layers: [] });
    for (const path of [
      '/v2/team/app/manifests/v1',
      `/v2/team/app/manifests/${sha256(other)}?tag=v2&tag=v1`,
    ]) {
      const answer = await put(path, other, dev);
      expect([answer.status, errorCode(answer)]).toEqual([403, 'DENIED']);
    }
    expect((await put('/v2/team/app/manifests/v2', other, dev)).status).toBe(201);
    expect((await put('/v2/team/app/manifests/v1', other, admin)).status).toBe(201);
  });

  it('the catalog lists what may be seen, in whole pages', async () => {
    const { us, dev, admin, tokenOf, push } = guarded();
    for (const name of ['aaa/hidden', 'public/app', 'team/a', 'team/b', 'zzz/hidden'])
      await push(name, admin);
    const list = async (query: string, who: { authorization: string }): Promise<unknown> => {
      const answer = await us.send('GET', `/v2/_catalog${query}`, { headers: who });
      return [(json(answer) as { repositories: string[] }).repositories, answer.headers['link']];
    };
    expect(await list('', dev.basic)).toEqual([['public/app', 'team/a', 'team/b'], undefined]);
    expect(await list('?n=2', dev.basic)).toEqual([
      ['public/app', 'team/a'],
      expect.stringContaining('last=team'),
    ]);
    expect(await list('?n=1&last=team/a', dev.basic)).toEqual([['team/b'], undefined]);
    expect(await list('?n=1', bearer(await tokenOf(undefined, 'registry:catalog:*')))).toEqual([
      ['public/app'],
      undefined,
    ]);
    for (const headers of [bearer(await tokenOf(dev)), undefined]) {
      const answer = await us.send('GET', '/v2/_catalog', headers && { headers });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toContain('scope="registry:catalog:*"');
    }
  });
});
