import { setTimeout as pause } from 'node:timers/promises';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { PlannedBlob } from '../workload/images.ts';
import type { Connection } from './connection.ts';
import { pushBlob } from './push-blob.ts';
import { openAll, pushImage } from './pushes.ts';
import type { Prepared } from './requests.ts';
import type { Tally } from './tally.ts';
import type { PushThenPullWork } from './work.ts';

const LOOKS_EVERY_MS = 5;
const GIVE_UP_MS = 60_000;

export async function preparePushThenPull(registry: string, work: PushThenPullWork): Promise<Prepared> {
  const { image, elsewhere, isBlobAlone } = work;
  const [layer] = image.layers;
  if (layer === undefined) throw new Error('The image has no layer to be read.');
  const pushing = await openAll(registry, isBlobAlone ? 1 : 2);
  const pulling = await openAll(elsewhere, 1);
  return async (tally) => {
    const [first] = pushing;
    const [puller] = pulling;
    if (first === undefined || puller === undefined) throw new Error('There is no connection.');
    const { repository } = image;
    if (isBlobAlone) await pushBlob(first, { repository, blob: layer, mode: 'monolithic' }, tally);
    else await pushImage(pushing, image, tally);
    const pushedAt = performance.now();
    if (!isBlobAlone) await lookFor(puller, `/v2/${repository}/manifests/${image.tag}`, pushedAt, tally);
    await readBlob(puller, repository, layer, tally);
    tally.mark('done', performance.now() - pushedAt);
    for (const connection of [...pushing, ...pulling]) connection.close();
  };
}

async function lookFor(connection: Connection, path: string, pushedAt: number, tally: Tally): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { status } = await connection.request({ method: 'GET', path, headers: { accept: OCI_MANIFEST } });
    const durationMs = performance.now() - pushedAt;
    if (status === 200) {
      tally.mark('visible', durationMs);
      tally.mark('tries', tries);
      return;
    }
    if (durationMs > GIVE_UP_MS) throw new Error(`${path} is answered ${status} after ${GIVE_UP_MS} ms.`);
    await pause(LOOKS_EVERY_MS);
  }
}

async function readBlob(
  connection: Connection,
  repository: string,
  { digest, size }: PlannedBlob,
  tally: Tally,
): Promise<void> {
  const startedAt = performance.now();
  const path = `/v2/${repository}/blobs/${digest}`;
  const { status, bodyBytes, firstByteAt } = await connection.request({ method: 'GET', path });
  if (status !== 200 || bodyBytes !== size) tally.problem(`status ${status} with ${bodyBytes} bytes`);
  tally.mark('first byte', firstByteAt - startedAt);
  tally.mark('whole blob', performance.now() - startedAt);
}
