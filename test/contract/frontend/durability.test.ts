import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Operations } from '#libs/rpc/contracts.ts';
import { memoryRegions, type MemoryRegion } from '#test/support/memory/region.ts';
import { errorCode, eventually, frontendsOfEachTest, json, pushImage, type TestFrontend } from './harness.ts';

const start = frontendsOfEachTest();
const PATH = '/meridian/v1/repositories/team/app/durability';
const TEN_MINUTES_MS = 600_000;

const ask = (to: TestFrontend, query: string, signal?: AbortSignal) =>
  to.send('GET', `${PATH}?${query}`, signal === undefined ? {} : { signal });

/** An image pushed in us, and its content put into other regions by hand. */
async function pushed(tag = '1.0') {
  const regions = memoryRegions('us', 'eu', 'ap');
  const frontend = await start(regions.us);
  const image = await pushImage(frontend, 'team/app', tag);
  const copyTo = ({ store }: MemoryRegion): void => {
    store.publish('', image.layerDigest, image.layer);
    store.publish('', image.digest, image.bytes);
    store.publish('', EMPTY.digest, EMPTY.bytes);
  };
  return { ...regions, frontend, image, copyTo };
}

const EMPTY = {
  bytes: Buffer.from('{}'),
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
};

describe('GET …/durability', () => {
  it('says of each region named whether all that a tag stands for is there', async () => {
    const { frontend, image, eu, copyTo } = await pushed();
    copyTo(eu);
    const answer = await ask(frontend, 'reference=1.0&region=us&region=eu&region=us');
    const whole = { durable: true, missingBlobs: 0, missingBytes: 0 };
    expect([answer.status, json(answer)]).toEqual([
      200,
      {
        digest: image.digest,
        regions: [
          { region: 'us', ...whole },
          { region: 'eu', ...whole },
        ],
        durable: true,
      },
    ]);
    expect(answer.headers['meridian-revision']).toMatch(/^memory:\d+$/);
  });

  it('answers 503 with what is missing where a region lacks something', async () => {
    const { frontend, image } = await pushed();
    const answer = await ask(frontend, `reference=${image.digest}&region=ap`);
    expect([answer.status, errorCode(answer)]).toEqual([503, 'UNAVAILABLE']);
    expect(answer.headers['retry-after']).toBe('5');
    const missingBytes = image.bytes.length + image.layer.length + EMPTY.bytes.length;
    expect(json(answer)).toMatchObject({
      errors: [
        {
          message: expect.stringContaining('ap') as unknown,
          detail: {
            digest: image.digest,
            regions: [{ region: 'ap', durable: false, missingBlobs: 3, missingBytes }],
            durable: false,
          },
        },
      ],
    });
  });

  it("asks for as many regions as the repository's durability where none is named", async () => {
    const { frontend, ap, copyTo } = await pushed();
    expect((await ask(frontend, 'reference=1.0')).status).toBe(200);
    const body = JSON.stringify({ durability: 2 });
    await frontend.send('PATCH', '/meridian/v1/repositories/team/app/settings', { body });
    expect((await ask(frontend, 'reference=1.0')).status).toBe(503);
    copyTo(ap);
    const answer = await ask(frontend, 'reference=1.0');
    expect([answer.status, json(answer)]).toMatchObject([200, { durable: true }]);
  });

  it('answers as soon as the copy is there', async () => {
    const { frontend, eu, copyTo } = await pushed();
    const answer = ask(frontend, 'reference=1.0&region=eu&wait=10m');
    await pause(50);
    copyTo(eu);
    expect((await answer).status).toBe(200);
  });

  it('waits for a tag that is not there yet, and answers 404 without a wait or at its end', async () => {
    const { frontend, us } = await pushed();
    const later = ask(frontend, 'reference=2.0&region=us&wait=1m');
    expect([errorCode(await ask(frontend, 'reference=2.0&region=us'))]).toEqual(['MANIFEST_UNKNOWN']);
    const ended = await ask(frontend, 'reference=3.0&wait=100ms');
    expect([ended.status, errorCode(ended)]).toEqual([404, 'MANIFEST_UNKNOWN']);
    await pushImage(await start(us), 'team/app', '2.0');
    expect((await later).status).toBe(200);
  });

  it('asks a region again that can not be reached, and says so when the time is over', async () => {
    const { us, copyTo, eu } = await pushed();
    copyTo(eu);
    let calls = 0;
    const operations: Operations = {
      ...us.operations,
      awaitDurable: async (request, context) => {
        calls += 1;
        if (calls > 3) return us.operations.awaitDurable(request, context);
        throw new RegistryError('UNAVAILABLE', "The region eu can't be reached now; try again.");
      },
    };
    const frontend = await start(us, { collaborators: { operations } });
    const refused = await ask(frontend, 'reference=1.0&region=eu');
    expect(refused.status).toBe(503);
    expect(json(refused)).toMatchObject({
      errors: [
        { detail: { regions: [{ missingBlobs: null, why: expect.stringContaining('reached') as unknown }] } },
      ],
    });
    expect((await ask(frontend, 'reference=1.0&region=eu&wait=1m')).status).toBe(200);
  });

  it('ends the question to the regions when the client goes away', async () => {
    const { us } = await pushed();
    const seen: AbortSignal[] = [];
    const operations: Operations = {
      ...us.operations,
      awaitDurable: async (_request, { signal }) => {
        seen.push(signal);
        return pause(TEN_MINUTES_MS, undefined, { signal }) as Promise<never>;
      },
    };
    const frontend = await start(us, { collaborators: { operations } });
    const leaving = new AbortController();
    const asking = ask(frontend, 'reference=1.0&region=eu&wait=10m', leaving.signal).catch(() => undefined);
    await eventually(() => seen.length === 1);
    leaving.abort();
    await eventually(() => seen[0]?.aborted === true);
    await asking;
  });

  it.each([
    ['region=us', 'REQUEST_INVALID', 400],
    ['reference=', 'TAG_INVALID', 400],
    ['reference=sha256:1', 'DIGEST_INVALID', 400],
    ['reference=1.0&wait=30', 'REQUEST_INVALID', 400],
    ['reference=1.0&wait=-1s', 'REQUEST_INVALID', 400],
    ['reference=1.0&wait=11m', 'REQUEST_INVALID', 400],
    ['reference=1.0&region=', 'REQUEST_INVALID', 400],
    ['reference=1.0&region=mars&wait=10m', 'NAME_UNKNOWN', 404],
  ])('refuses ?%s with %s', async (query, code, status) => {
    const { frontend } = await pushed();
    const answer = await ask(frontend, query);
    expect([answer.status, errorCode(answer)]).toEqual([status, code]);
  });
});
