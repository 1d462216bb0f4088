import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Copies the blobs of a layout into `to` as a registry must at least: read, hash, write, fdatasync, one after the other. Gives the bytes. */
export async function plainWrite(layout: string, to: string): Promise<number> {
  await mkdir(to, { recursive: true });
  let bytes = 0;
  for (const name of await readdir(join(layout, 'blobs/sha256'))) {
    const hash = createHash('sha256');
    const file = await open(join(to, name), 'w');
    try {
      for await (const chunk of largeReads(join(layout, 'blobs/sha256', name))) {
        hash.update(chunk);
        await file.write(chunk);
        bytes += chunk.length;
      }
      if (hash.digest('hex') !== name) throw new Error(`${name} was read with other bytes`);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
  return bytes;
}

/** Downloads the blobs of a layout from a bare Node HTTP server over loopback, three at a time, hashing them. Gives the bytes. */
export async function plainCopyOverHttp(layout: string): Promise<number> {
  const dir = join(layout, 'blobs/sha256');
  const server = createServer((request, response) => {
    const path = join(dir, (request.url ?? '').slice(1));
    stat(path)
      .then(({ size }) => {
        response.setHeader('content-length', size);
        return pipeline(largeReads(path), response);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const { port } = server.address() as AddressInfo;
  const names = (await readdir(dir)).values();
  let bytes = 0;
  const workers = Array.from({ length: 3 }, async () => {
    for (const name of names) {
      const downloaded = await download(`http://127.0.0.1:${port}/${name}`);
      bytes += downloaded;
    }
  });
  await Promise.all(workers);
  server.close();
  return bytes;
}

function largeReads(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: 1024 * 1024 });
}

async function download(url: string): Promise<number> {
  const response = await new Promise<AsyncIterable<Buffer>>((resolve, reject) => {
    get(url, resolve).once('error', reject);
  });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (!url.endsWith(hash.digest('hex'))) throw new Error(`${url} came with other bytes`);
  return bytes;
}
