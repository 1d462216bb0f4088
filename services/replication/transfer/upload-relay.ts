import { RegistryError } from '#libs/oci/errors.ts';
import type { Uploads } from '#libs/rpc/contracts.ts';
import { regionOfUpload, unknownUpload } from '#libs/upload-id.ts';
import type { WriteUpload } from '#types/meridian/v1/WriteUpload.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';
import type { OnPeerBytes } from '#libs/telemetry/metrics/replication.ts';

export interface UploadRelayOptions {
  readonly region: string;
  /** The own storage's. */
  readonly uploads: Uploads;
  readonly directory: PeerDirectory;
  /** What another region may take to answer, hashing and fsync included. */
  readonly uploadTimeoutMs: number;
  readonly onPeerBytes: OnPeerBytes;
}

const RETRY_AFTER_SECONDS = 5;

/**
 * The uploads of every region: calls go to the region that the upload's id names, so that a push may go on through another region than
 * the one it began in. New uploads are opened here. UNAVAILABLE, naming the region, where it can't be reached.
 */
export function createUploadRelay(options: UploadRelayOptions): Uploads {
  const { uploads, uploadTimeoutMs, onPeerBytes } = options;
  const at = <T>(
    id: string,
    signal: AbortSignal,
    call: (uploads: Uploads, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const remote = remoteOf(id, options);
    if (remote === undefined) return call(uploads, signal);
    const limits = { signal, timeoutMs: uploadTimeoutMs };
    return named(
      remote.region,
      ask(remote.region, limits, (limited) => call(remote.uploads, limited)),
    );
  };
  return {
    create: (request, context) => uploads.create(request, context),
    write: async (parts, { signal }) => {
      const iterator = parts[Symbol.asyncIterator]();
      try {
        const first = await iterator.next();
        if (first.done === true || !first.value.target) throw unnamed();
        const remote = remoteOf(first.value.target.id, options);
        const all = startingWith(first.value, iterator);
        if (remote === undefined) return await uploads.write(all, { signal });
        const count = (bytes: number): void => onPeerBytes(remote.region, 'sent', bytes);
        return await named(remote.region, remote.uploads.write(counted(all, count), { signal }));
      } finally {
        // Not awaited: a client that sends nothing must not delay the answer.
        iterator.return?.().catch(() => undefined);
      }
    },
    stat: (target, { signal }) =>
      at(target.id, signal, (there, limited) => there.stat(target, { signal: limited })),
    finish: (request, { signal }) =>
      at(request.id, signal, (there, limited) => there.finish(request, { signal: limited })),
    cancel: (target, { signal }) =>
      at(target.id, signal, (there, limited) => there.cancel(target, { signal: limited })),
  };
}

/** The region an upload lies in; undefined for the own one. */
function remoteOf(id: string, { region, directory }: UploadRelayOptions): RemoteRegion | undefined {
  const name = regionOfUpload(id);
  if (name === region) return undefined;
  const remote = directory.find(name);
  if (remote === undefined && directory.isComplete()) throw unknownUpload(id);
  if (remote?.live === true) return remote;
  throw unreachable(name);
}

/** Passes errors of the other region on, and names it where it, or what it needs, did not answer. */
async function named<T>(region: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'UNAVAILABLE') throw error;
    throw unreachable(region, error);
  }
}

function unreachable(region: string, cause?: RegistryError): RegistryError {
  const why =
    cause === undefined ? `which can't be reached now.` : `which could not answer: ${cause.message}`;
  return new RegistryError(
    'UNAVAILABLE',
    `The upload was begun in the region ${region}, ${why} Go on in a moment, or start a new upload.`,
    { detail: { region }, retryAfterSeconds: cause?.retryAfterSeconds ?? RETRY_AFTER_SECONDS, cause },
  );
}

function unnamed(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', 'A write to an upload must begin by naming the upload.');
}

async function* startingWith<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T, void, undefined> {
  yield first;
  for (let step = await rest.next(); step.done !== true; step = await rest.next()) yield step.value;
}

async function* counted(
  parts: AsyncIterable<WriteUpload>,
  count: (bytes: number) => void,
): AsyncGenerator<WriteUpload, void, undefined> {
  for await (const part of parts) {
    count(part.data?.length ?? 0);
    yield part;
  }
}
