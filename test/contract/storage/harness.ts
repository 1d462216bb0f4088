import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import {
  reclaimContract,
  scrubContract,
  storageContract,
  uploadsContract,
  type Reclaim,
  type Scrub,
  type Storage,
  type Uploads,
} from '#libs/rpc/contracts.ts';
import { localClient } from '#libs/rpc/local.ts';
import { createRpcServer } from '#libs/rpc/server.ts';
import { openStorage, type StorageOptions } from '#services/storage/service.ts';
import { defaultStorageSettings, type StorageSettings } from '#services/storage/settings.ts';

export const transports = ['in process', 'over gRPC'] as const;
export type Transport = (typeof transports)[number];

export const live = { signal: new AbortController().signal };

export interface StorageUnderTest {
  readonly storage: Storage;
  readonly uploads: Uploads;
  readonly reclaim: Reclaim;
  readonly scrub: Scrub;
  readonly dataDir: string;
  stop(graceMs?: number): Promise<void>;
}

export interface HarnessOptions extends Partial<Omit<StorageOptions, 'settings'>> {
  readonly settings?: Partial<StorageSettings>;
}

/** Opens a storage (in a new directory, unless one is named) and calls it the way `transport` says. */
export async function openStorageOver(
  transport: Transport,
  { settings, ...options }: HarnessOptions = {},
): Promise<StorageUnderTest> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'meridian-storage-')));
  const service = await openStorage({
    region: 'eu',
    ...options,
    dataDir,
    settings: { ...defaultStorageSettings, ...settings },
  });
  if (transport === 'in process') {
    return {
      storage: localClient(storageContract, service.storage),
      uploads: localClient(uploadsContract, service.uploads),
      reclaim: localClient(reclaimContract, service.reclaim),
      scrub: localClient(scrubContract, service.scrub),
      dataDir,
      stop: (graceMs = 0) => service.stop(graceMs),
    };
  }
  const server = createRpcServer({ onFault: (error) => console.error(error) });
  server.add(storageContract, service.storage);
  server.add(uploadsContract, service.uploads);
  server.add(reclaimContract, service.reclaim);
  server.add(scrubContract, service.scrub);
  const port = await server.listen('127.0.0.1:0');
  const channel = openRpcChannel({ address: `127.0.0.1:${port}` });
  return {
    storage: channel.client(storageContract),
    uploads: channel.client(uploadsContract),
    reclaim: channel.client(reclaimContract),
    scrub: channel.client(scrubContract),
    dataDir,
    stop: async (graceMs = 0) => {
      await service.stop(graceMs);
      channel.close();
      await server.close(graceMs);
    },
  };
}

/** Expects of what `look` sees in the end; a loaded machine takes its time. */
export function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 30_000 });
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Reproducible bytes that don't repeat soon. */
export function someBytes(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function blobOf(bytes: Buffer): { digest: string; size: number } {
  return { digest: digestOf(bytes), size: bytes.length };
}

/** A stream of requests: a first message and pieces of at most `pieceBytes`. */
export async function* parts<T extends object>(
  first: T,
  bytes: Buffer,
  pieceBytes = 64 * 1024,
): AsyncGenerator<T | { data: Buffer }, void, undefined> {
  yield first;
  for (let at = 0; at < bytes.length; at += pieceBytes) yield { data: bytes.subarray(at, at + pieceBytes) };
}

export function put(
  storage: Storage,
  repository: string,
  bytes: Buffer,
): Promise<{ digest: string; size: number }> {
  return storage.put(parts({ header: { repository, ...blobOf(bytes) } }, bytes), live);
}

export async function read(
  storage: Storage,
  digest: string,
  { offset = 0, length = 0 }: { offset?: number; length?: number } = {},
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const { data } of storage.read({ digest, offset, length }, live)) chunks.push(data);
  return Buffer.concat(chunks);
}

export interface Valve {
  readonly messages: AsyncIterable<{
    header?: { repository: string; digest: string; size: number };
    data?: Buffer;
  }>;
  give(bytes: Buffer): void;
  end(): void;
  fail(error: Error): void;
  /** Bytes given and not yet taken. */
  pending(): number;
}

/** The messages of an Ingest, given by hand. */
export function valve(header: { repository: string; digest: string; size: number }): Valve {
  let queue: Buffer[] = [];
  let finish: { error?: Error } | undefined;
  let wake = Promise.withResolvers<undefined>();
  const changed = (): void => {
    wake.resolve(undefined);
    wake = Promise.withResolvers();
  };
  return {
    messages: (async function* () {
      yield { header };
      for (;;) {
        const [next, ...rest] = queue;
        queue = rest;
        if (next !== undefined) yield { data: next };
        else if (finish?.error !== undefined) throw finish.error;
        else if (finish !== undefined) return;
        else await wake.promise;
      }
    })(),
    give: (bytes) => {
      for (let at = 0; at < bytes.length; at += 64 * 1024) queue.push(bytes.subarray(at, at + 64 * 1024));
      changed();
    },
    end: () => {
      finish = {};
      changed();
    },
    fail: (error) => {
      finish = { error };
      changed();
    },
    pending: () => queue.reduce((sum, chunk) => sum + chunk.length, 0),
  };
}
