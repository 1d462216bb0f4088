import type { PlannedImage } from '../workload/images.ts';
import type { TraceOperation } from '../workload/trace.ts';
import type { Connection } from './connection.ts';
import { pullImage, type Held } from './pulls.ts';
import { begunWithin, openAll, pushImage, timed } from './pushes.ts';
import type { Prepared } from './requests.ts';
import type { Tally } from './tally.ts';
import type { TraceWork } from './work.ts';

export async function prepareTrace(registry: string, work: TraceWork): Promise<Prepared> {
  const clients = await Promise.all(
    Array.from({ length: work.clients }, () => openAll(registry, work.connectionsPerClient)),
  );
  return async (tally) => {
    const left = begunWithin(work.operations, work.withinMs);
    const client = async (connections: readonly Connection[]): Promise<void> => {
      const held: Held = new Set();
      for (const operation of left)
        await timed(tally, () => perform(connections, operation, work.images, held, tally));
    };
    await Promise.all(clients.map(client));
    for (const connection of clients.flat()) connection.close();
  };
}

async function perform(
  connections: readonly Connection[],
  operation: TraceOperation,
  images: readonly PlannedImage[],
  held: Held,
  tally: Tally,
): Promise<void> {
  switch (operation.kind) {
    case 'pull': {
      const image = images[operation.image];
      if (image === undefined) throw new Error(`There is no image ${operation.image}.`);
      if (operation.afresh) held.clear();
      return pullImage(connections, image, held, false, tally);
    }
    case 'push':
      return pushImage(connections, operation.image, tally);
    case 'tags':
      return list(connections, `/v2/${operation.repository}/tags/list`, [200], tally);
    case 'referrers':
      // Registries that don't know the question say 404.
      return list(
        connections,
        `/v2/${operation.repository}/referrers/${operation.digest}`,
        [200, 404],
        tally,
      );
  }
}

async function list(
  [connection]: readonly Connection[],
  path: string,
  statuses: readonly number[],
  tally: Tally,
): Promise<void> {
  const answer = await connection?.request({ method: 'GET', path });
  tally.requests += 1;
  if (answer === undefined || !statuses.includes(answer.status))
    throw new Error(`status ${answer?.status ?? 'none'} for a list`);
}
