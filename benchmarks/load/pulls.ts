import { createHash } from 'node:crypto';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { PlannedImage } from '../workload/images.ts';
import type { Connection } from './connection.ts';
import { eachBy, openAll, timed } from './pushes.ts';
import { expectStatus } from './push-blob.ts';
import type { Prepared } from './requests.ts';
import type { Tally } from './tally.ts';
import type { PullWork } from './work.ts';

/** What a client has already and does not ask for again. */
export type Held = Set<string>;

export async function preparePulls(registry: string, work: PullWork): Promise<Prepared> {
  const clients = await Promise.all(
    Array.from({ length: work.clients }, () => openAll(registry, work.connectionsPerClient)),
  );
  return async (tally) => {
    const left = work.order.values();
    const client = async (connections: readonly Connection[]): Promise<void> => {
      for (const place of left) {
        const image = work.images[place];
        if (image === undefined) throw new Error(`There is no image ${place}.`);
        await timed(tally, () => pullImage(connections, image, new Set(), work.verifies, tally));
      }
    };
    await Promise.all(clients.map(client));
    for (const connection of clients.flat()) connection.close();
  };
}

/** As clients do it: HEAD of the tag, the manifest by its digest, then what is not held, as many blobs at a time as there are connections. */
export async function pullImage(
  connections: readonly Connection[],
  { repository, tag, config, layers, manifest }: PlannedImage,
  held: Held,
  verifies: boolean,
  tally: Tally,
): Promise<void> {
  const [connection] = connections;
  if (connection === undefined) throw new Error('A pull needs a connection.');
  const headers = { accept: OCI_MANIFEST };
  const manifests = `/v2/${repository}/manifests`;
  await expectStatus(connection, tally, 200, { method: 'HEAD', path: `${manifests}/${tag}`, headers });
  if (!held.has(manifest.digest)) {
    const path = `${manifests}/${manifest.digest}`;
    const { bodyBytes } = await expectStatus(connection, tally, 200, { method: 'GET', path, headers });
    tally.bytes += bodyBytes;
  }
  const wanted = [config, ...layers].filter(({ digest }) => !held.has(digest));
  await eachBy(connections, wanted, async (free, { digest, size }) => {
    const hash = verifies ? createHash('sha256') : undefined;
    const path = `/v2/${repository}/blobs/${digest}`;
    const onBody = hash === undefined ? {} : { onBody: (piece: Buffer) => void hash.update(piece) };
    const { bodyBytes } = await expectStatus(free, tally, 200, { method: 'GET', path, ...onBody });
    tally.bytes += bodyBytes;
    if (bodyBytes !== size) throw new Error('a blob of another size');
    if (hash !== undefined && !digest.endsWith(hash.digest('hex'))) throw new Error('a blob of other bytes');
  });
  for (const digest of [manifest.digest, ...wanted.map((blob) => blob.digest)]) held.add(digest);
}
