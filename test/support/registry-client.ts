import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isIndexType, isManifestType } from '#libs/oci/mediatype.ts';
import type { LayoutDescriptor } from './oci-layout.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  /** Streams a file as the body. */
  readonly file?: { readonly path: string; readonly size: number };
  /** Streams these bytes as the body, without saying beforehand how many there are. */
  readonly bytes?: AsyncIterable<Buffer>;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

/** One HTTP request to a registry (`host:port`), with its body read whole: for answers that are small. */
export async function send(registry: string, method: string, path: string, sent: Sent = {}): Promise<Answer> {
  const response = await open(registry, method, path, sent);
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** The same, with the body left to the caller. */
export async function open(
  registry: string,
  method: string,
  path: string,
  sent: Sent = {},
): Promise<IncomingMessage> {
  const { file, body, bytes } = sent;
  const length = file?.size ?? (body === undefined ? undefined : Buffer.byteLength(body));
  const headers = { ...sent.headers, ...(length === undefined ? {} : { 'content-length': String(length) }) };
  const ended = sent.signal === undefined ? {} : { signal: sent.signal };
  const outgoing = request(`http://${registry}${path}`, { method, headers, ...ended });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
  });
  const source = file === undefined ? bytes : createReadStream(file.path, { highWaterMark: 1024 * 1024 });
  if (source === undefined) outgoing.end(body);
  else pipeline(source, outgoing).catch(() => undefined);
  return answered;
}

/** Sent with every request of a push or pull. */
type Headers = Record<string, string>;

/** Pushes what an OCI layout holds, the way clients do: blobs that are not there yet, children before parents, then the tag. */
export async function push(
  registry: string,
  repository: string,
  tag: string,
  dir: string,
  common: Headers = {},
): Promise<Answer> {
  const index = JSON.parse(await readFile(join(dir, 'index.json'), 'utf8')) as {
    manifests: LayoutDescriptor[];
  };
  const root = index.manifests[0];
  if (root === undefined) throw new Error(`${dir} holds no image`);
  return pushContent(registry, repository, tag, dir, root, common);
}

async function pushContent(
  registry: string,
  repository: string,
  reference: string,
  dir: string,
  descriptor: LayoutDescriptor,
  common: Headers,
): Promise<Answer> {
  const path = join(dir, 'blobs', descriptor.digest.replace(':', '/'));
  if (!isManifestType(descriptor.mediaType)) {
    return pushBlob(registry, repository, descriptor.digest, { path, size: descriptor.size }, common);
  }
  const body = await readFile(path);
  for (const child of childrenOf(body))
    await pushContent(registry, repository, child.digest, dir, child, common);
  const headers = { ...common, 'content-type': descriptor.mediaType };
  return expectStatus(
    [201],
    await send(registry, 'PUT', `/v2/${repository}/manifests/${reference}`, { headers, body }),
  );
}

/** HEAD, then POST and PUT with the bytes. */
export async function pushBlob(
  registry: string,
  repository: string,
  digest: string,
  content: Buffer | { path: string; size: number },
  common: Headers = {},
): Promise<Answer> {
  const asked = await send(registry, 'HEAD', `/v2/${repository}/blobs/${digest}`, { headers: common });
  const held = expectStatus([200, 404], asked);
  if (held.status === 200) return held;
  const opened = expectStatus(
    [202],
    await send(registry, 'POST', `/v2/${repository}/blobs/uploads/`, { headers: common }),
  );
  const session = new URL(opened.headers.location ?? '', `http://${registry}`);
  session.searchParams.set('digest', digest);
  const headers = { ...common, 'content-type': 'application/octet-stream' };
  const sent = Buffer.isBuffer(content) ? { headers, body: content } : { headers, file: content };
  return expectStatus([201], await send(registry, 'PUT', `${session.pathname}${session.search}`, sent));
}

/** Pulls an image whole, checking every byte, three blobs at a time as clients do; gives its digest and size. */
export async function pull(
  registry: string,
  repository: string,
  reference: string,
  headers: Headers = {},
): Promise<{ digest: string; bytes: number }> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const answer = expectStatus([200], await send(registry, 'GET', path, { headers }));
  const digest = digestOf(answer.body);
  let bytes = answer.body.length;
  const blobs: LayoutDescriptor[] = [];
  for (const child of childrenOf(answer.body)) {
    if (isManifestType(child.mediaType))
      bytes += (await pull(registry, repository, child.digest, headers)).bytes;
    else blobs.push(child);
  }
  const next = blobs.values();
  const workers = Array.from({ length: 3 }, async () => {
    for (const blob of next) {
      const pulled = await pullBlob(registry, repository, blob.digest, headers);
      bytes += pulled;
    }
  });
  await Promise.all(workers);
  return { digest, bytes };
}

/** Reads a blob to its end and checks it; gives its size. */
export async function pullBlob(
  registry: string,
  repository: string,
  digest: string,
  headers: Headers = {},
): Promise<number> {
  const response = await open(registry, 'GET', `/v2/${repository}/blobs/${digest}`, { headers });
  if (response.statusCode !== 200) throw new Error(`GET of ${digest} gave ${String(response.statusCode)}`);
  const hash = createHash(digest.slice(0, digest.indexOf(':')));
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (!digest.endsWith(hash.digest('hex'))) throw new Error(`${digest} came with other bytes`);
  return bytes;
}

function childrenOf(manifest: Buffer): LayoutDescriptor[] {
  const { mediaType, config, layers, manifests } = JSON.parse(manifest.toString()) as {
    mediaType?: string;
    config?: LayoutDescriptor;
    layers?: LayoutDescriptor[];
    manifests?: LayoutDescriptor[];
  };
  if (mediaType !== undefined && isIndexType(mediaType)) return manifests ?? [];
  return [...(config === undefined ? [] : [config]), ...(layers ?? [])];
}

function expectStatus(statuses: number[], answer: Answer): Answer {
  if (statuses.includes(answer.status)) return answer;
  throw new Error(`expected ${statuses.join(' or ')}, got ${answer.status}: ${answer.body.toString()}`);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
