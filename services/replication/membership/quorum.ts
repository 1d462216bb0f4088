import { EMBEDDED_MEMBER } from '#libs/etcd/embedded.ts';
import type { EtcdClient } from '#libs/etcd/store.ts';
import type { Quorum } from '#types/meridian/v1/Quorum.ts';

/** What a status may wait for etcd. */
const TIMEOUT_MS = 2_000;

/** etcd's members and who leads them. Throws UNAVAILABLE where none answers. */
export async function readQuorum(
  etcd: Pick<EtcdClient, 'status' | 'members'>,
  signal: AbortSignal,
): Promise<Quorum> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const [{ version, leader, sizeBytes }, members] = await Promise.all([
    etcd.status(limited),
    etcd.members(limited),
  ]);
  return {
    embedded: members.some(({ name }) => name === EMBEDDED_MEMBER),
    version,
    members: members.map(({ id, name, clientUrls }) => ({
      ...{ id, name, clientUrls: [...clientUrls] },
      leader: id === leader,
    })),
    sizeBytes,
  };
}
