import { expect, it } from 'vitest';
import { EMBEDDED_MEMBER } from '#libs/etcd/embedded.ts';
import { readQuorum } from '#services/replication/membership/quorum.ts';
import { describeStores, testSignal } from './stores.ts';

describeStores((subject) => {
  it('tells its members, and which of them leads', async () => {
    const { client } = subject();
    const { leader, version } = await client.status(testSignal());
    const members = await client.members(testSignal());
    expect(members).toHaveLength(1);
    expect(members[0]?.id).toBe(leader);
    const quorum = await readQuorum(client, testSignal());
    expect(quorum).toMatchObject({ version, members: [{ id: leader, leader: true }] });
    expect(quorum.embedded).toBe(quorum.members[0]?.name === EMBEDDED_MEMBER);
  });
});
