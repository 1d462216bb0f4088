import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '#libs/auth/password.ts';
import { openCoverage, type Coverage } from '#test/support/coverage.ts';
import type { Answer, Sent } from '#test/support/registry-client.ts';
import { sha256, someBytes } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';
import { basic, bearer } from './people.ts';

/*
 * No existence is told by time. A clock on a busy machine says little, so what is compared is work: the calls of functions by which the front end
 * answers, counted by V8, in samples that take turns. A time that depends on what there is comes from work that does: a look-up, a
 * call, one comparison more. Counts are exact but for what the process does of itself meanwhile, which only adds to them: so the least of many is
 * the request's own, and can be compared for equality, which no clock would allow.
 */

const guarded = guardedOfEachTest();
/** As many at least, and as many at most where the process has much else to do. */
const SAMPLES = { least: 6, most: 100 };

let coverage: Coverage;
beforeAll(() => {
  coverage = openCoverage((url) => /\/(?:libs|services)\//.test(url));
});
afterAll(() => coverage.close());

const areSame = (counts: readonly number[]): boolean => new Set(counts).size === 1;

/** The calls of functions while each question is answered, in turns: the least of each, until they are `enough` or there are many samples. */
async function workOf(questions: readonly (() => Promise<unknown>)[], enough = areSame): Promise<number[]> {
  const least = questions.map(() => Infinity);
  for (let sample = 1; sample <= SAMPLES.most; sample++) {
    for (const [i, ask] of questions.entries()) {
      coverage.take();
      await ask();
      // What is done after the answer is the answer's work, too.
      await new Promise((resolve) => setImmediate(resolve));
      least[i] = Math.min(least[i] ?? Infinity, coverage.take().calls);
    }
    if (sample >= SAMPLES.least && enough(least)) break;
  }
  return least;
}

describe('as much work as for what there is not is done', () => {
  it('for a repository that one may not see, by every path, whoever asks', async () => {
    const { us, admin, dev, stranger, push, tokenOf } = guarded();
    const { digest, layer } = await push('secret/aaaa', admin);
    await push('secret/aaaa', admin, 'v2');
    await push('team/aaaa', dev);
    const narrowed = bearer(await tokenOf(stranger, 'repository:secret/aaaa:pull,push'));
    const pairs: readonly [name: string, method: string, path: (name: string) => string, sent?: Sent][] = [
      ['tag', 'GET', (name) => `/v2/${name}/manifests/latest`],
      ['manifest', 'HEAD', (name) => `/v2/${name}/manifests/${digest}`],
      ['blob', 'GET', (name) => `/v2/${name}/blobs/${layer}`],
      ['tags', 'GET', (name) => `/v2/${name}/tags/list`],
      ['referrers', 'GET', (name) => `/v2/${name}/referrers/${digest}`],
      ['upload', 'POST', (name) => `/v2/${name}/blobs/uploads/`],
      ['push', 'PUT', (name) => `/v2/${name}/manifests/latest`, { body: '{}' }],
      ['deletion', 'DELETE', (name) => `/v2/${name}/manifests/latest`],
      ['settings', 'GET', (name) => `/meridian/v1/repositories/${name}/settings`],
    ];
    for (const [form, method, path, sent] of pairs) {
      for (const headers of [{}, stranger.basic, narrowed]) {
        const ask = (name: string) => (): Promise<Answer> =>
          us.send(method, path(name), { ...sent, headers });
        const [there, nowhere] = await workOf([ask('secret/aaaa'), ask('secret/bbbb')]);
        expect([form, there]).toEqual([form, nowhere]);
      }
    }
    // The measure sees the difference where there may be one. On their way down different counts may be the same for once.
    const mine = (name: string) => (): Promise<Answer> =>
      us.send('GET', `/v2/${name}/manifests/latest`, { headers: dev.basic });
    const [there, nowhere] = await workOf([mine('team/aaaa'), mine('team/bbbb')], () => false);
    expect(there).not.toBe(nowhere);
  }, 240_000);

  it('for a blob to be mounted from where one may not pull', async () => {
    const { us, admin, dev, push } = guarded();
    const { layer } = await push('secret/aaaa', admin);
    const never = sha256(someBytes(10));
    const mount = (digest: string, from: string) => async (): Promise<void> => {
      const path = `/v2/team/app/blobs/uploads/?mount=${digest}&from=${from}`;
      const { headers } = await us.send('POST', path, { headers: dev.basic });
      await us.send('DELETE', headers.location ?? '', { headers: dev.basic });
    };
    const questions = [mount(layer, 'secret/aaaa'), mount(never, 'secret/aaaa'), mount(layer, 'secret/bbbb')];
    const [there, never_, nowhere] = await workOf(questions);
    expect([never_, nowhere]).toEqual([there, there]);
  }, 120_000);

  it('for a name that is nobody’s, or has no password: as many rounds of scrypt', async () => {
    const { memory, us, known } = guarded();
    const user = { kind: 'user', groups: [], disabled: false, createdAtMs: 0 } as const;
    const password = { id: randomUUID(), hash: await hashPassword('the right password') };
    memory.put('principal', 'with-password', { ...user, id: randomUUID(), password });
    memory.put('principal', 'none-password', { ...user, id: randomUUID() });
    memory.put('principal', 'disabled-user', { ...user, id: randomUUID(), password, disabled: true });
    memory.put('principal', 'robot-account', { ...user, kind: 'robot', id: randomUUID(), secrets: [] });
    await known();
    const work = new Map<string, number>();
    const hashing = openCoverage((url) => url.endsWith('/libs/auth/password.ts'));
    for (const name of [
      'warming-it-up',
      'with-password',
      'none-password',
      'disabled-user',
      'robot-account',
      'nobody-at-all',
    ]) {
      hashing.take();
      const { status } = await us.send('GET', '/v2/', { headers: basic(name, 'the wrong password') });
      work.set(name, hashing.take().calls);
      expect(status).toBe(401);
    }
    hashing.close();
    const [first = 0, ...others] = [...work.values()].slice(1);
    expect(first).toBeGreaterThan(0);
    expect(others).toEqual(others.map(() => first));
  }, 120_000);
});
