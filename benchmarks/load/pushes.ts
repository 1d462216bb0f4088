import { planBlob, type PlannedBlob, type PlannedImage } from '../workload/images.ts';
import { Connection } from './connection.ts';
import { expectStatus, pushBlob } from './push-blob.ts';
import type { Prepared } from './requests.ts';
import type { Tally } from './tally.ts';
import type { BlobWork, ImageWork } from './work.ts';

export async function prepareBlobs(registry: string, work: BlobWork): Promise<Prepared> {
  const { repository, mode, chunkBytes } = work;
  const blobs = work.blobs.map(planBlob);
  const connections = await openAll(registry, work.connections);
  return async (tally) => {
    await eachBy(connections, begunWithin(blobs, work.withinMs), (connection, blob) =>
      timed(tally, () => pushBlob(connection, { repository, blob, mode, chunkBytes }, tally)),
    );
    for (const connection of connections) connection.close();
  };
}

export async function prepareImages(registry: string, work: ImageWork): Promise<Prepared> {
  const connections = await openAll(registry, work.connections);
  return async (tally) => {
    for (const image of begunWithin(work.images, work.withinMs))
      await timed(tally, () => pushImage(connections, image, tally));
    for (const connection of connections) connection.close();
  };
}

/** As clients do it: what is not there yet, as many blobs at a time as there are connections, then the manifest by its tag. */
export async function pushImage(
  connections: readonly Connection[],
  { repository, tag, config, layers, manifest }: PlannedImage,
  tally: Tally,
): Promise<void> {
  await eachBy(connections, [...layers, config], async (connection, blob: PlannedBlob) => {
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    const { status } = await connection.request({ method: 'HEAD', path });
    tally.requests += 1;
    if (status !== 200) await pushBlob(connection, { repository, blob, mode: 'monolithic' }, tally);
  });
  const [connection] = connections;
  if (connection === undefined) throw new Error('A push needs a connection.');
  const body = Buffer.from(manifest.body);
  await expectStatus(connection, tally, 201, {
    method: 'PUT',
    path: `/v2/${repository}/manifests/${tag}`,
    headers: { 'content-type': manifest.mediaType },
    body: { chunks: [body], size: body.length },
  });
}

/** The items, until the time is over; all of them where there is none. */
export function* begunWithin<T>(items: Iterable<T>, ms = Infinity): Generator<T, void, undefined> {
  const endsAt = performance.now() + ms;
  for (const item of items) {
    if (performance.now() >= endsAt) return;
    yield item;
  }
}

/** Each of the items by the next connection that is free. */
export async function eachBy<T>(
  connections: readonly Connection[],
  items: Iterable<T>,
  work: (connection: Connection, item: T) => Promise<void>,
): Promise<void> {
  const left = Iterator.from(items);
  const worker = async (connection: Connection): Promise<void> => {
    for (const item of left) await work(connection, item);
  };
  await Promise.all(connections.map(worker));
}

/** An operation with its duration, or the problem that it met. */
export async function timed(tally: Tally, operation: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  try {
    await operation();
    tally.done(performance.now() - startedAt);
  } catch (error) {
    tally.problem((error as Error).message);
  }
}

export async function openAll(registry: string, count: number): Promise<Connection[]> {
  const connections = Array.from({ length: count }, () => new Connection(registry));
  await Promise.all(connections.map((connection) => connection.open()));
  return connections;
}
