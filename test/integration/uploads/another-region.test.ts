import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullBlob, send, type Answer } from '#test/support/registry-client.ts';
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

describe('an upload of the region us, asked for in the region eu', () => {
  let regions: UploadRegions;
  let us: string;
  let eu: string;
  beforeAll(async () => {
    regions = await startUploadRegions();
    us = regions.frontends.first;
    eu = regions.frontends.eu;
  });
  afterAll(() => regions.stop());

  it('takes chunks, tells where it stands, and is finished', async () => {
    const bytes = randomBytes(5 * MIB);
    const location = await startUpload(us);
    expect((await patch(eu, location, bytes.subarray(0, 2 * MIB), 0)).status).toBe(202);
    expect(await offsetOf(eu, location)).toBe(2 * MIB);
    expect((await patch(us, location, bytes.subarray(2 * MIB, 3 * MIB), 2 * MIB)).status).toBe(202);
    const digest = digestOf(bytes);
    const last = await send(eu, 'PUT', `${location}?digest=${digest}`, { body: bytes.subarray(3 * MIB) });
    expect([last.status, last.headers.location]).toEqual([201, `/v2/${repository}/blobs/${digest}`]);
    for (const reader of [us, eu]) expect(await pullBlob(reader, repository, digest)).toBe(bytes.length);
    const again = await send(eu, 'PUT', `${location}?digest=${digest}`);
    expect(again.status).toBe(201);
  });

  it('is cancelled', async () => {
    const location = await startUpload(us);
    await patch(eu, location, randomBytes(100), 0);
    expect((await send(eu, 'DELETE', location)).status).toBe(204);
    expectError(await send(us, 'GET', location), 404, 'BLOB_UPLOAD_UNKNOWN');
    expect(await regions.bytesOnDisk(idOf(location))).toBe(0);
  });

  it('answers refusals as its own region does', async () => {
    const location = await startUpload(us);
    const bytes = randomBytes(100);
    await patch(us, location, bytes, 0);
    for (const registry of [us, eu]) {
      const beside = await patch(registry, location, bytes, 50);
      expectError(beside, 416, 'RANGE_INVALID');
      expect([beside.headers.range, beside.headers.location]).toEqual(['0-99', location]);
      const wrong = await send(registry, 'PUT', `${location}?digest=${digestOf(Buffer.from('other'))}`);
      expectError(wrong, 400, 'DIGEST_INVALID');
      const elsewhere = location.replace(repository, 'team/other');
      const forged = location.replace(/.{4}$/, 'AAAA');
      for (const path of [
        elsewhere,
        forged,
        location.replace('us.', 'eu.'),
        location.replace('us.', 'mars.'),
      ]) {
        expectError(await send(registry, 'GET', path), 404, 'BLOB_UPLOAD_UNKNOWN');
        expectError(await send(registry, 'PATCH', path, { body: bytes }), 404, 'BLOB_UPLOAD_UNKNOWN');
      }
    }
    expect(await offsetOf(eu, location)).toBe(100);
  });

  it('keeps what came when the client vanishes midway', async () => {
    const bytes = randomBytes(2 * MIB);
    const location = await startUpload(us);
    const half = openPatch(eu, location, bytes.subarray(0, MIB));
    await expect.poll(() => regions.bytesOnDisk(idOf(location)), soon).toBe(MIB);
    half.hangUp();
    await resume(us, location, bytes);
    const finished = await send(eu, 'PUT', `${location}?digest=${digestOf(bytes)}`);
    expect(finished.status).toBe(201);
  });

  it('is told to come again while the storage of us, or all of us, is away, and goes on after that', async () => {
    const bytes = randomBytes(2 * MIB);
    const location = await startUpload(us);
    await patch(eu, location, bytes.subarray(0, MIB), 0);
    const expectAway = async (): Promise<void> => {
      for (const [method, path, body] of [
        ['GET', location, undefined],
        ['PATCH', location, bytes.subarray(MIB)],
        ['PUT', `${location}?digest=${digestOf(bytes)}`, undefined],
        ['DELETE', location, undefined],
      ] as const) {
        const answer = await send(eu, method, path, body === undefined ? {} : { body });
        expectError(answer, 503, 'UNAVAILABLE');
        expect(answer.body.toString()).toContain('region us');
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      }
    };
    await regions.us.process('storage').kill();
    await expectAway();
    await regions.us.start('storage');
    await expect.poll(async () => (await send(eu, 'GET', location)).status, soon).toBe(204);

    const half = openPatch(eu, location, bytes.subarray(MIB, MIB + 1000));
    await expect.poll(() => regions.bytesOnDisk(idOf(location)), soon).toBe(MIB + 1000);
    await regions.killUs();
    await expectAway();
    half.hangUp();
    await regions.startUs();
    await expect.poll(async () => (await send(eu, 'GET', location)).status, soon).toBe(204);
    await resume(eu, location, bytes);
    expect((await send(eu, 'PUT', `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
    expect(await pullBlob(us, repository, digestOf(bytes))).toBe(bytes.length);
  });
});

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function expectError(answer: Answer, status: number, code: string): void {
  const { errors } = JSON.parse(answer.body.toString()) as { errors: { code: string }[] };
  expect([answer.status, errors.map((error) => error.code)]).toEqual([status, [code]]);
}
