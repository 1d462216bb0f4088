import { expect, it } from 'vitest';
import { memoryRegions } from '#test/support/memory/region.ts';
import { errorCode } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';

const guarded = guardedOfEachTest();

it('who asks too often is told when to come back, and others are not', async () => {
  const { open, dev, puller } = guarded();
  const frontend = await open(memoryRegions('ap').ap, { rateLimits: { perIdentity: 3, perAddress: 2 } });
  const ask = (who?: { basic: { authorization: string } }) =>
    frontend.send('GET', '/v2/public/app/tags/list', who && { headers: who.basic });
  await expect
    .poll(async () => (await frontend.send('GET', '/meridian/v1/token', { headers: dev.basic })).status)
    .toBe(200);
  for (const [who, limit] of [
    [dev, 3],
    [undefined, 2],
  ] as const) {
    for (let left = limit - 1; left >= 0; left--) {
      const answer = await ask(who);
      expect([answer.status, answer.headers['ratelimit-remaining']]).toEqual([404, `${left};w=60`]);
      expect(answer.headers['ratelimit-limit']).toBe(`${limit};w=60`);
    }
    const refused = await ask(who);
    expect([refused.status, errorCode(refused)]).toEqual([429, 'TOOMANYREQUESTS']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  }
  expect((await ask(puller)).status).toBe(404);
  expect((await frontend.send('GET', '/healthz')).status).toBe(200);
});
