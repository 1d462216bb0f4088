import type { ConfiguredRegion } from '#libs/config/regions.ts';
import { randomUUID } from 'node:crypto';
import type { KeyValueStore, Operation } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import { gcKey, HEAD_KEY, PREFIX, REGION_PREFIX, regionKey, SCHEMA_KEY } from './keys.ts';
import { gcRecord, headRecord, regionRecord, schemaRecord, type RegionRecord } from './records.ts';

/** The format of the whole catalog that this version writes. */
export const CATALOG_FORMAT = 1;

/** The epoch that a new region's storage begins with. */
export const FIRST_EPOCH = 0;

/** So that a push's transaction, which compares two keys a region, has room for its tags. */
export const MAX_REGIONS = 16;

/**
 * Makes the catalog where there is none yet, with these regions, or else checks that it can be used: a format this version knows, and this
 * process's `region` in it. Which others there are is then the catalog's to say: regions come and go without those that stay being told
 * anew. Any number of processes may do this at once; one makes it. Gives the catalog's id. Throws UNAVAILABLE when etcd can't be reached,
 * CONFLICT when the catalog is not for this configuration.
 */
export async function bootstrapCatalog(
  etcd: KeyValueStore,
  { region, regions }: { readonly region: string; readonly regions: readonly ConfiguredRegion[] },
  signal: AbortSignal,
): Promise<string> {
  if (regions.length > MAX_REGIONS) {
    throw conflict(`${regions.length} regions are configured; Meridian takes at most ${MAX_REGIONS}.`);
  }
  const answer = await etcd.txn(
    {
      compare: [{ key: SCHEMA_KEY, target: 'create', op: '=', value: 0 }],
      then: firstRecords(randomUUID(), regions),
    },
    signal,
  );
  if (answer.succeeded) return bootstrapCatalog(etcd, { region, regions }, signal);

  const { kvs } = await etcd.range({ key: SCHEMA_KEY }, signal);
  const [schema] = kvs;
  if (schema === undefined)
    throw conflict(`The catalog's schema, ${SCHEMA_KEY}, was removed from etcd just now.`);
  const { format, catalogId } = schemaRecord.decode(schema.value, SCHEMA_KEY);
  if (format !== CATALOG_FORMAT) {
    throw conflict(
      `The catalog in etcd has format ${format}, and this version of Meridian knows format ${CATALOG_FORMAT} only. ` +
        `Run the version that wrote it, or name another etcd.`,
    );
  }
  await checkRegion(etcd, region, signal);
  return catalogId;
}

function firstRecords(catalogId: string, regions: readonly ConfiguredRegion[]): Operation[] {
  const put = (key: string, value: Buffer): Operation => ({ kind: 'put', key, value });
  return [
    put(SCHEMA_KEY, schemaRecord.encode({ format: CATALOG_FORMAT, catalogId })),
    put(HEAD_KEY, headRecord.encode({ catalogId, id: randomUUID() })),
    ...regions.flatMap(({ name, endpoint }) => {
      const record: RegionRecord = { state: 'active', endpoint, labels: {} };
      return [
        put(regionKey(name), regionRecord.encode(record)),
        put(gcKey(name), gcRecord.encode({ epoch: FIRST_EPOCH })),
      ];
    }),
  ];
}

/** A region that the catalog does not know would hold nothing that counts; making it known is an administrator's decision. */
async function checkRegion(etcd: KeyValueStore, region: string, signal: AbortSignal): Promise<void> {
  const range = { key: REGION_PREFIX, rangeEnd: prefixEnd(REGION_PREFIX), keysOnly: true };
  const { kvs } = await etcd.range(range, signal);
  const known = kvs.map(({ key }) => key.slice(REGION_PREFIX.length));
  if (known.includes(region)) return;
  throw conflict(
    `The catalog below ${PREFIX} in etcd knows the regions ${known.join(', ')}, but not ${region}, which this process is to be. A region ` +
      `is added before it is started (PUT /meridian/v1/regions/${region} at any front end of the cluster), and one that was removed does not ` +
      'come back by itself. Add it, correct the configuration, or name another etcd.',
  );
}

function conflict(message: string): RegistryError {
  return new RegistryError('CONFLICT', message);
}
