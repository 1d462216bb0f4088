import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStorage, type StorageService } from '#services/storage/service.ts';
import { defaultStorageSettings } from '#services/storage/settings.ts';
import { regionsOver } from '#test/support/memory/region.ts';
import { openSmallDisk, type SmallDisk } from '#test/support/small-disk.ts';
import { errorCode, someBytes, startTestFrontend, type TestFrontend } from './harness.ts';
import { uploadClient } from './upload-client.ts';

const disk: SmallDisk = { freeBytes: Infinity, syncs: true };
let dataDir: string;
let storage: StorageService;
let us: TestFrontend;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'meridian-full-'));
  storage = await openStorage({
    dataDir,
    region: 'us',
    settings: defaultStorageSettings,
    openDriver: (layout) => openSmallDisk(layout, disk),
  });
  us = await startTestFrontend(regionsOver({ us: storage }).us);
});
afterAll(async () => {
  await us.stop();
  await storage.stop(0);
  await rm(dataDir, { recursive: true, force: true });
});

it('an upload that meets a full disk is told to come again, keeps what fitted, and goes on once there is room', async () => {
  const client = uploadClient(us, 'team/app');
  const bytes = someBytes(500_000);
  const location = await client.start();
  disk.freeBytes = 300_000;
  const refused = await client.patch(location, bytes, { 'content-range': '0-499999' });
  expect([refused.status, errorCode(refused)]).toEqual([503, 'UNAVAILABLE']);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(refused.body.toString()).toContain('out of space');
  expect((await us.send('GET', location)).headers.range).toBe('0-299999');

  disk.freeBytes = Infinity;
  const rest = await client.patch(location, bytes.subarray(300_000), { 'content-range': '300000-499999' });
  expect(rest.status).toBe(202);
  expect((await client.finish(location, bytes)).status).toBe(201);
});
