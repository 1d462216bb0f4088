import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  neverAborts,
  soon,
  someBytes,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const MIB = 1024 * 1024;
const context = { signal: neverAborts };
const running: TransferRegion[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((region) => region.stop()));
});

async function startTwo(): Promise<[TransferRegion, TransferRegion]> {
  const catalog = new TestCatalog();
  for (const name of ['us', 'eu']) running.push(await startTransferRegion(name, catalog));
  return [...running] as [TransferRegion, TransferRegion];
}

async function allOf(chunks: AsyncIterable<{ data: Buffer }>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const { data } of chunks) all.push(data);
  return Buffer.concat(all);
}

describe('a relayed read', () => {
  it('passes a range on and stores nothing', async () => {
    const [us, eu] = await startTwo();
    const bytes = someBytes(2 * MIB);
    const digest = await us.store(bytes);
    const range = await allOf(eu.transfer.relay({ digest, offset: 1_000, length: MIB }, context));
    expect(range.equals(bytes.subarray(1_000, 1_000 + MIB))).toBe(true);
    const rest = await allOf(eu.transfer.relay({ digest, offset: MIB, length: 0 }, context));
    expect(rest.equals(bytes.subarray(MIB))).toBe(true);
    expect(await eu.holds(digest)).toBe(false);
  });

  it('stops the other region when its reader leaves', async () => {
    const [us, eu] = await startTwo();
    const stopped = Promise.withResolvers<undefined>();
    let made = 0;
    us.serveReads(async function* () {
      try {
        for (;;) {
          made += 1;
          yield { data: Buffer.alloc(256 * 1024) };
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        stopped.resolve(undefined);
      }
    });
    let read = 0;
    for await (const { data } of eu.transfer.relay(
      { digest: `sha256:${'a'.repeat(64)}`, offset: 0, length: 0 },
      context,
    )) {
      read += data.length;
      if (read > MIB) break;
    }
    await stopped.promise;
    // What was made beyond what was read fits in the windows and buffers of two connections.
    expect(made * 256 * 1024).toBeLessThan(128 * MIB);
  });

  it('gives the errors of a local read', async () => {
    const [us, eu] = await startTwo();
    const digest = await us.store(someBytes(10));
    const beyond = allOf(eu.transfer.relay({ digest, offset: 11, length: 1 }, context));
    await expect(beyond).rejects.toMatchObject({ code: 'RANGE_INVALID' });
    const unknown = allOf(
      eu.transfer.relay({ digest: `sha256:${'a'.repeat(64)}`, offset: 0, length: 0 }, context),
    );
    await expect(unknown).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });
});

describe('an upload', () => {
  const repository = 'team/app';

  it('goes on through another region than the one it began in', async () => {
    const [us, eu] = await startTwo();
    const bytes = someBytes(MIB);
    const digest = digestOf(bytes);
    const { id } = await us.uploads.create({ repository, algorithm: '' }, context);
    await us.uploads.write(writeOf(id, 0, bytes.subarray(0, 300_000)), context);
    const written = await eu.uploads.write(writeOf(id, 300_000, bytes.subarray(300_000)), context);
    expect(written.offset).toBe(bytes.length);
    expect(await eu.uploads.stat({ id, repository, offset: -1 }, context)).toMatchObject({
      offset: bytes.length,
    });
    expect(await eu.uploads.finish({ id, repository, digest }, context)).toEqual({
      digest,
      size: bytes.length,
    });
    expect(await us.holds(digest)).toBe(true);
    expect(await eu.holds(digest)).toBe(false);
    expect(eu.sent.get('us')).toBe(bytes.length - 300_000);
  });

  it('is cancelled through another region', async () => {
    const [us, eu] = await startTwo();
    const { id } = await us.uploads.create({ repository, algorithm: '' }, context);
    await eu.uploads.cancel({ id, repository, offset: -1 }, context);
    const stat = us.uploads.stat({ id, repository, offset: -1 }, context);
    await expect(stat).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  it('says which region can not be reached', async () => {
    const [us, eu] = await startTwo();
    const { id } = await us.uploads.create({ repository, algorithm: '' }, context);
    await us.cut();
    await expect.poll(() => eu.running.status().regions[0]?.live, soon).toBe(false);
    const stat = eu.uploads.stat({ id, repository, offset: -1 }, context);
    await expect(stat).rejects.toMatchObject({ code: 'UNAVAILABLE', detail: { region: 'us' } });
    const write = eu.uploads.write(writeOf(id, 0, Buffer.from('x')), context);
    await expect(write).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(write).rejects.toThrow('the region us');
  });

  it('is named with its region where that region fails while it is asked', async () => {
    const [us, eu] = await startTwo();
    const { id } = await us.uploads.create({ repository, algorithm: '' }, context);
    us.serveWrites(async () => {
      throw new RegistryError('UNAVAILABLE', 'The disk is full.', { retryAfterSeconds: 30 });
    });
    const write = eu.uploads.write(writeOf(id, 0, Buffer.from('x')), context);
    await expect(write).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/region us.*The disk is full/) as string,
      detail: { region: 'us' },
      retryAfterSeconds: 30,
    });
  });

  it('is sent on no faster than the other region takes it', async () => {
    const [us, eu] = await startTwo();
    const { id } = await us.uploads.create({ repository, algorithm: '' }, context);
    const left = Promise.withResolvers<undefined>();
    us.serveWrites((_parts, { signal }) => {
      signal.addEventListener('abort', () => left.resolve(undefined));
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone'))));
    });
    let made = 0;
    const endless = async function* () {
      yield { target: { id, repository, offset: 0 } };
      for (;;) {
        made += 1;
        yield { data: Buffer.alloc(256 * 1024) };
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const caller = new AbortController();
    const write = eu.uploads.write(endless(), { signal: caller.signal });
    write.catch(() => undefined);
    let before = -1;
    const isStill = (): boolean => made > 0 && before === (before = made);
    await expect.poll(isStill, { ...soon, interval: 250 }).toBe(true);
    // It fits in the windows and buffers of two connections.
    expect(made * 256 * 1024).toBeLessThan(128 * MIB);
    caller.abort(new Error('the client hung up'));
    await expect(write).rejects.toThrow('hung up');
    await left.promise;
  });

  it('of a region that is not in the cluster is unknown', async () => {
    const [, eu] = await startTwo();
    const stat = eu.uploads.stat({ id: 'mars.abc.def', repository, offset: -1 }, context);
    await expect(stat).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  async function* writeOf(id: string, offset: number, bytes: Buffer) {
    yield { target: { id, repository, offset } };
    for (let i = 0; i < bytes.length; i += 64 * 1024) yield { data: bytes.subarray(i, i + 64 * 1024) };
  }
});
