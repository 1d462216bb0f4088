import { afterAll, beforeAll, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import {
  errorCode,
  pushBlob,
  pushImage,
  sha256,
  someBytes,
  startTestFrontend,
  type TestFrontend,
} from './harness.ts';

const regions = memoryRegions('us', 'eu');
let us: TestFrontend;
let eu: TestFrontend;
beforeAll(async () => {
  us = await startTestFrontend(regions.us);
  eu = await startTestFrontend(regions.eu, { settings: { mountWaitMs: 200 } });
});
afterAll(async () => {
  await Promise.all([us.stop(), eu.stop()]);
  expect([...us.faults, ...eu.faults]).toEqual([]);
});

const mount = (at: TestFrontend, digest: string, from?: string): Promise<Answer> =>
  at.send('POST', `/v2/to/app/blobs/uploads/?mount=${digest}${from === undefined ? '' : `&from=${from}`}`);

const expectUpload = async (at: TestFrontend, answer: Answer): Promise<void> => {
  expect(answer.status).toBe(202);
  const bytes = someBytes(10);
  const location = answer.headers.location ?? '';
  expect((await at.send('PUT', `${location}?digest=${sha256(bytes)}`, { body: bytes })).status).toBe(201);
};

it('takes a blob over from a repository that owns it', async () => {
  const bytes = someBytes(100);
  const digest = await pushBlob(us, 'from/app', bytes);
  const answer = await mount(us, digest, 'from/app');
  expect(answer.status).toBe(201);
  expect(answer.headers.location).toBe(`/v2/to/app/blobs/${digest}`);
  expect(answer.headers['docker-content-digest']).toBe(digest);
  expect(regions.us.store.isPinned('to/app', digest)).toBe(true);
  // Other regions are likely to have it already, so its bytes need not go along.
  const told = { region: 'us', repository: 'to/app', digest, size: bytes.length, isNew: false };
  await expect.poll(() => regions.us.transfer.announced).toContainEqual(told);
  expect((await us.send('GET', `/v2/to/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
});

it('brings a blob of another region here first', async () => {
  for (const size of [0, 1, 500_000]) {
    const digest = await pushBlob(us, 'from/app', someBytes(size));
    expect((await mount(eu, digest, 'from/app')).status).toBe(201);
    expect(regions.eu.store.isPinned('to/app', digest)).toBe(true);
  }
});

it('asks for an upload where the blob does not come in time', async () => {
  const digest = await pushBlob(us, 'from/app', someBytes(1000));
  regions.eu.transfer.beforeChunk = () => new Promise(() => undefined);
  await expectUpload(eu, await mount(eu, digest, 'from/app'));
  regions.eu.transfer.beforeChunk = async () => undefined;
});

it('asks for an upload, revealing nothing, where the source does not own it', async () => {
  const digest = await pushBlob(us, 'from/app', someBytes(100));
  const never = sha256(Buffer.from('never uploaded'));
  for (const answer of [
    await mount(us, digest, 'other/app'),
    await mount(us, never, 'from/app'),
    await mount(us, never, 'nowhere'),
  ]) {
    await expectUpload(us, answer);
  }
  expect((await us.send('HEAD', `/v2/to/app/blobs/${digest}`)).status).toBe(404);
});

it('takes a blob over from whichever repository has it where none is named', async () => {
  const bytes = someBytes(100);
  const digest = await pushBlob(us, 'from/app', bytes);
  for (const at of [us, eu]) expect((await mount(at, digest)).status).toBe(201);
  expect(regions.eu.store.isPinned('to/app', digest)).toBe(true);
  const image = await pushImage(us, 'from/image', '1');
  expect((await mount(eu, image.layerDigest)).status).toBe(201);
  expect((await eu.send('GET', `/v2/to/app/blobs/${image.layerDigest}`)).body.equals(image.layer)).toBe(true);
});

it('asks for an upload where nobody has the blob, or those who have it can not be asked', async () => {
  await expectUpload(us, await mount(us, sha256(Buffer.from('never uploaded'))));
  const digest = await pushBlob(us, 'from/app', someBytes(100));
  await us.send('DELETE', `/v2/from/app/blobs/${digest}`);
  await expectUpload(us, await mount(us, digest));
  const unavailable = async (): Promise<never> => {
    throw new RegistryError('UNAVAILABLE', 'Nobody can be asked.');
  };
  const catalog = { ...regions.us.catalog.catalog, findOwners: unavailable };
  const cutOff = await startTestFrontend(regions.us, { collaborators: { catalog } });
  await expectUpload(cutOff, await mount(cutOff, digest));
  await cutOff.stop();
});

it('refuses what is no digest and no name', async () => {
  const answers = [
    await mount(us, 'sha256:x', 'from/app'),
    await mount(us, sha256(Buffer.of(1)), 'Not/A/Name'),
    await mount(us, 'sha256:x'),
    await mount(us, sha256(Buffer.of(1)), ''),
  ];
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
  expect(answers.map(errorCode)).toEqual([
    'DIGEST_INVALID',
    'NAME_INVALID',
    'DIGEST_INVALID',
    'NAME_INVALID',
  ]);
});
