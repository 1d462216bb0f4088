import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/*
 * What `startPlainNode` runs: POST …/uploads/?digest=<d> or POST and PUT store a body as a file, hashed, written and flushed by one thread
 * one after the other; GET sends it with createReadStream.
 */

const dir = process.argv[2] ?? '.';
const LARGE_READS = { highWaterMark: 1024 * 1024 };

const server = createServer({ noDelay: true }, (request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://registry');
  const digest = searchParams.get('digest');
  if (digest !== null) {
    const status = await store(request, digest);
    response.writeHead(status, { 'content-length': 0 }).end();
  } else if (request.method === 'POST') {
    response.writeHead(202, { 'content-length': 0, location: pathname }).end();
  } else {
    const path = fileOf(pathname.slice(pathname.lastIndexOf('/') + 1));
    const { size } = await stat(path);
    response.writeHead(200, { 'content-length': size });
    await pipeline(createReadStream(path, LARGE_READS), response);
  }
}

async function store(request: IncomingMessage, digest: string): Promise<number> {
  const hash = createHash('sha256');
  const file = await open(fileOf(digest), 'w');
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      await file.write(chunk);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return `sha256:${hash.digest('hex')}` === digest ? 201 : 400;
}

function fileOf(digest: string): string {
  return join(dir, digest.replace(/[^a-z0-9]/g, '-'));
}
