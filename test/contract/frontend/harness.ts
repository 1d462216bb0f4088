import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterEach } from 'vitest';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { AuthCollaborators } from '#services/frontend/auth/authentication.ts';
import type { Collaborators } from '#services/frontend/frontend.ts';
import type { RequestRecord } from '#services/frontend/http/observe.ts';
import { startFrontend } from '#services/frontend/service.ts';
import { defaultFrontendSettings, type FrontendSettings } from '#services/frontend/settings.ts';
import type { TestRegion } from '#test/support/memory/region.ts';
import { send, type Answer, type Sent } from '#test/support/registry-client.ts';

/** A front end over a region, with what it has told of itself. */
export interface TestFrontend {
  readonly address: string;
  readonly requests: RequestRecord[];
  readonly faults: unknown[];
  send(method: string, path: string, sent?: Sent): Promise<Answer>;
  stop(graceMs?: number): Promise<void>;
}

export async function startTestFrontend(
  region: TestRegion,
  overrides: {
    settings?: Partial<FrontendSettings>;
    collaborators?: Partial<Collaborators>;
    authentication?: AuthCollaborators;
  } = {},
): Promise<TestFrontend> {
  const requests: RequestRecord[] = [];
  const faults: unknown[] = [];
  const frontend = await startFrontend({
    listen: { host: '127.0.0.1', port: 0 },
    region: region.name,
    settings: { ...defaultFrontendSettings, ...overrides.settings },
    storage: region.storage,
    uploads: region.uploads,
    remoteUploads: region.remoteUploads,
    catalog: region.catalog.catalog,
    transfer: region.transfer.transfer,
    operations: region.operations,
    scrub: region.scrub,
    elsewhere: region.transfer.transfer,
    regionsUsed: () => [],
    ...overrides.collaborators,
    ...(overrides.authentication && { authentication: overrides.authentication }),
    onRequest: (record) => requests.push(record),
    onFault: (error) => faults.push(error),
    onAnnounceFailure: (_blob, error) => faults.push(error),
  });
  const address = `127.0.0.1:${frontend.port}`;
  return {
    address,
    requests,
    faults,
    send: (method, path, sent) => send(address, method, path, sent),
    stop: (graceMs = 1000) => frontend.stop(graceMs),
  };
}

/** Starts front ends that are cut off after each test; for the top of a test file. */
export function frontendsOfEachTest(): typeof startTestFrontend {
  const running: TestFrontend[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((frontend) => frontend.stop(0)));
  });
  return async (...args) => {
    const frontend = await startTestFrontend(...args);
    running.push(frontend);
    return frontend;
  };
}

/** A body as it arrives; `whole` rejects where it is cut off. */
export function collect(answer: IncomingMessage): { size: () => number; whole: Promise<Buffer> } {
  const chunks: Buffer[] = [];
  const whole = new Promise<Buffer>((resolve, reject) => {
    answer
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => resolve(Buffer.concat(chunks)))
      .on('error', reject);
  });
  return { size: () => chunks.reduce((sum, { length }) => sum + length, 0), whole };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A blob that no other test has. */
export function someBytes(size: number): Buffer {
  return randomBytes(size);
}

/** Uploads a blob in one request and gives its digest. */
export async function pushBlob(to: TestFrontend, repository: string, bytes: Buffer): Promise<string> {
  const digest = sha256(bytes);
  const answer = await to.send('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, { body: bytes });
  if (answer.status !== 201) throw new Error(`blob: ${answer.status} ${answer.body.toString()}`);
  return digest;
}

export interface PushedImage {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly layer: Buffer;
  readonly layerDigest: string;
}

/** Pushes an image of one layer under a tag or digest. */
export async function pushImage(
  to: TestFrontend,
  repository: string,
  reference: string,
  options: { layer?: Buffer; extra?: object } = {},
): Promise<PushedImage> {
  const layer = options.layer ?? someBytes(1000);
  const layerDigest = await pushBlob(to, repository, layer);
  const config = Buffer.from('{}');
  await pushBlob(to, repository, config);
  const bytes = imageManifest(layer, options.extra);
  const answer = await putManifest(to, repository, reference, bytes);
  if (answer.status !== 201) throw new Error(`manifest: ${answer.status} ${answer.body.toString()}`);
  return { digest: sha256(bytes), bytes, layer, layerDigest };
}

/** The bytes of an image manifest with an empty config and one layer. */
export function imageManifest(layer: Buffer, extra: object = {}): Buffer {
  const config = Buffer.from('{}');
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: sha256(config), size: config.length },
      layers: [{ mediaType: OCI_LAYER, digest: sha256(layer), size: layer.length }],
      ...extra,
    }),
  );
}

export function putManifest(
  to: TestFrontend,
  repository: string,
  reference: string,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return to.send('PUT', `/v2/${repository}/manifests/${reference}`, {
    body,
    headers: { 'content-type': OCI_MANIFEST, ...headers },
  });
}

export function json(answer: Answer): unknown {
  return JSON.parse(answer.body.toString()) as unknown;
}

/** The code of the one error that an answer tells; fails where the body has not the spec's shape. */
export function errorCode(answer: Answer): string {
  const { errors } = json(answer) as { errors: { code: string; message: string }[] };
  const [first, ...others] = errors;
  if (first === undefined || others.length > 0 || first.message === '') throw new Error('not one error');
  return first.code;
}

/** Sends bytes as they are and reads one answer, for what no HTTP client would send. */
export async function sendRaw(address: string, text: string | Buffer, isHead = false): Promise<Answer> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(text);
  let received = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), 10_000);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    const answer = parseAnswer(received, isHead);
    if (answer === undefined) continue;
    clearTimeout(timer);
    return answer;
  }
  clearTimeout(timer);
  throw new Error(`no whole answer came, only ${JSON.stringify(received.toString())}`);
}

function parseAnswer(received: Buffer, isHead: boolean): Answer | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [start = '', ...lines] = received.subarray(0, end).toString().split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const body = received.subarray(end + 4);
  if (!isHead && body.length < Number(headers['content-length'] ?? 0)) return undefined;
  return { status: Number(start.split(' ')[1]), headers, body };
}

/** Polls until `condition` gives something true; fails after `timeoutMs`. */
export async function eventually(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
