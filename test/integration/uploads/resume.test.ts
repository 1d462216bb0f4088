import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullBlob, send } from '#test/support/registry-client.ts';
import {
  idOf,
  offsetOf,
  openPatch,
  patch,
  repository,
  resume,
  soon,
  startUpload,
  startUploadRegions,
  type UploadRegions,
} from './regions.ts';

const MIB = 1024 * 1024;
type Algorithm = 'sha256' | 'sha512';

/** Announced at the start, and what the digest is of at the end. */
const pairs = [
  ['sha512', 'sha512'],
  ['sha512', 'sha256'],
] as const;

describe('an upload that is interrupted', () => {
  let regions: UploadRegions;
  let first: string;
  let second: string;
  beforeAll(async () => {
    regions = await startUploadRegions();
    ({ first, second } = regions.frontends);
  });
  afterAll(() => regions.stop());

  /** One MiB is acknowledged, and another half MiB is on the disk without anybody having been told. */
  async function interrupted(algorithm: Algorithm) {
    const bytes = randomBytes(3 * MIB);
    const location = await startUpload(first, `?digest-algorithm=${algorithm}`);
    expect((await patch(first, location, bytes.subarray(0, MIB), 0)).status).toBe(202);
    const half = openPatch(first, location, bytes.subarray(MIB, MIB + MIB / 2));
    await expect.poll(() => regions.bytesOnDisk(idOf(location)), soon).toBe(MIB + MIB / 2);
    return { bytes, location, half };
  }

  async function finishes(registry: string, location: string, bytes: Buffer, algorithm: Algorithm) {
    const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
    const answer = await send(registry, 'PUT', `${location}?digest=${digest}`);
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([201, digest]);
    for (const reader of [first, regions.frontends.eu])
      expect(await pullBlob(reader, repository, digest)).toBe(bytes.length);
  }

  it('as its client vanishes goes on at another front end', async () => {
    const { bytes, location, half } = await interrupted('sha256');
    half.hangUp();
    await resume(second, location, bytes);
    await finishes(first, location, bytes, 'sha256');
  });

  it('as its front end is killed goes on at another', async () => {
    const { bytes, location } = await interrupted('sha512');
    await regions.us.process('frontend').kill();
    await resume(second, location, bytes);
    await regions.us.start('frontend');
    await finishes(second, location, bytes, 'sha512');
  });

  it.each(pairs)(
    'as the storage is killed goes on from what was durable, announced as %s and finished as %s',
    async (announced, ended) => {
      const { bytes, location } = await interrupted(announced);
      await regions.us.process('storage').kill();
      const down = await send(first, 'GET', location);
      expect([down.status, down.headers['retry-after']]).toEqual([503, expect.any(String)]);
      const onDisk = await regions.bytesOnDisk(idOf(location));
      await regions.us.start('storage');
      await expect.poll(async () => (await send(first, 'GET', location)).status, soon).toBe(204);
      const offset = await offsetOf(first, location);
      expect(offset).toBeGreaterThanOrEqual(MIB);
      expect(offset).toBeLessThanOrEqual(onDisk);
      await resume(first, location, bytes);
      await finishes(second, location, bytes, ended);
    },
  );

  it('as the whole region is killed goes on after it is back', async () => {
    const { bytes, location } = await interrupted('sha256');
    await regions.killUs();
    await regions.startUs();
    await expect.poll(async () => (await send(second, 'GET', location)).status, soon).toBe(204);
    await resume(second, location, bytes);
    await finishes(first, location, bytes, 'sha256');
  });

  it('by a second writer on another front end has one winner', async () => {
    const { bytes, location, half } = await interrupted('sha256');
    const loser = await patch(second, location, bytes.subarray(MIB), MIB);
    expect([loser.status, loser.headers['retry-after']]).toEqual([409, expect.any(String)]);
    half.hangUp();
    await resume(second, location, bytes);
    await finishes(second, location, bytes, 'sha256');
  });

  it('by its cancellation ends at once, and its bytes are freed', async () => {
    const { location } = await interrupted('sha256');
    expect((await send(second, 'DELETE', location)).status).toBe(204);
    expect((await send(first, 'GET', location)).status).toBe(404);
    expect(await regions.bytesOnDisk(idOf(location))).toBe(0);
  });
});
