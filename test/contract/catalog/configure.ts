import type { EtcdClient } from '#libs/etcd/store.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { HEAD_KEY, repositoryKey } from '#services/replication/catalog/keys.ts';
import {
  headRecord,
  repositoryRecord,
  type RepositoryRecord,
} from '#services/replication/catalog/records.ts';
import { testSignal } from '#test/contract/etcd/stores.ts';
import { until } from './asks.ts';
import type { TestRegion } from './regions.ts';

/** Changes a repository's settings as an administrator would. */
export async function configure(
  client: EtcdClient,
  region: TestRegion,
  name: string,
  settings: Partial<RepositoryRecord>,
): Promise<void> {
  const repository = parseRepositoryName(name);
  const record = { incarnation: 'test', state: 'active', reads: 'bounded', ...settings } as const;
  const { catalogId } = region.view.position();
  const { revision } = await client.txn(
    {
      then: [
        { kind: 'put', key: repositoryKey(repository), value: repositoryRecord.encode(record) },
        { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: `configured ${name}` }) },
      ],
    },
    testSignal(),
  );
  await until('the setting is in the view', () => region.view.position().revision >= revision);
}
