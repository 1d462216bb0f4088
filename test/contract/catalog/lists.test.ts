import { expect, it } from 'vitest';
import type { Operation } from '#libs/etcd/store.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { HEAD_KEY, tagKey } from '#services/replication/catalog/keys.ts';
import { headRecord, tagRecord } from '#services/replication/catalog/records.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { listReferrers, listTags, until } from './asks.ts';
import { image, push } from './images.ts';
import { openRegion, type TestRegion } from './regions.ts';

const open = ({ client }: Subject) => openRegion({ etcd: client, client });
const TAGS = 10_000;
const TAGS_PER_TRANSACTION = 90;

/** Sets tags as pushes do, many at a time. */
async function setTags(
  { client }: Subject,
  us: TestRegion,
  name: string,
  digest: string,
  tags: string[],
): Promise<void> {
  const repository = parseRepositoryName(name);
  const record = { digest: parseDigest(digest), mediaType: 'm/t', size: 1, pushedAtMs: 0, pushedBy: '' };
  const value = tagRecord.encode(record);
  let revision = 0;
  for (let start = 0; start < tags.length; start += TAGS_PER_TRANSACTION) {
    const head = headRecord.encode({ catalogId: us.view.position().catalogId, id: `${start}` });
    const puts = tags
      .slice(start, start + TAGS_PER_TRANSACTION)
      .map((tag): Operation => ({ kind: 'put', key: tagKey(repository, parseTag(tag)), value }));
    ({ revision } = await client.txn(
      { then: [...puts, { kind: 'put', key: HEAD_KEY, value: head }] },
      testSignal(),
    ));
  }
  await until('the view has all tags', () => us.view.position().revision >= revision);
}

describeStores((subject) => {
  it('pages through ten thousand tags in byte order', async () => {
    const us = await open(subject());
    const app = image('lists-tags');
    await push(us, 'lists/tags', [], app);
    const tags = Array.from(
      { length: TAGS },
      (_, i) => `${['v', 'V', '_', 'a-', 'a.', 'a'][i % 6] ?? ''}${i}`,
    );
    await setTags(subject(), us, 'lists/tags', app.descriptor.digest, tags);

    const seen: string[] = [];
    for (let more = true; more;) {
      const page = await listTags(us, 'lists/tags', { last: seen.at(-1) ?? '', limit: 777 });
      seen.push(...page.names);
      more = page.more;
    }
    expect(seen).toEqual(tags.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(await listTags(us, 'lists/tags', { last: 'zzz' })).toMatchObject({ names: [], more: false });
    expect(await listTags(us, 'lists/tags', { limit: 0 })).toMatchObject({ names: [], more: false });
    expect(await listTags(us, 'lists/tags', { last: 'a5', limit: 1 })).toMatchObject({
      names: ['a5003'],
      more: true,
    });
  });

  it('lists repositories in byte order, none hiding another', async () => {
    const us = await open(subject());
    const names = ['lists/a', 'lists/a-b', 'lists/a/b', 'lists/a.b', 'lists/ab', 'lists/a0'];
    for (const name of names) await push(us, name, ['1'], image('lists-repositories'));
    const listed: string[] = [];
    for (let more = true; more;) {
      const request = { last: listed.at(-1) ?? '', limit: 2, freshness: null };
      const page = await us.catalog.listRepositories(request, { signal: testSignal() });
      listed.push(...page.names);
      more = page.more;
    }
    expect(listed.filter((name) => name.startsWith('lists/a'))).toEqual(names.toSorted());
    expect(listed).toEqual(listed.toSorted());
  });

  it('lists referrers of a subject by digest, also of one that is not there, filtered by artifact type', async () => {
    const us = await open(subject());
    const app = image('lists-subject');
    const referrer = (kind: string, more = {}) =>
      image(`lists-${kind}`, {
        more: { subject: app.descriptor, artifactType: `application/${kind}`, ...more },
      });
    const long = { text: 'x'.repeat(40_000) };
    const pushed = [
      referrer('sbom', { annotations: { title: 'SBOM' } }),
      referrer('signature'),
      referrer('long', { annotations: long }),
    ];
    for (const one of pushed) await push(us, 'lists/subject', [], one);
    expect((await listReferrers(us, 'lists/other', app.descriptor.digest)).referrers).toEqual([]);

    const all = await listReferrers(us, 'lists/subject', app.descriptor.digest);
    expect(all.referrers.map(({ manifest }) => manifest?.digest)).toEqual(
      pushed.map(({ descriptor }) => descriptor.digest).toSorted(),
    );
    expect(all.more).toBe(false);
    const [sbom] = (
      await listReferrers(us, 'lists/subject', app.descriptor.digest, { artifactType: 'application/sbom' })
    ).referrers;
    expect(sbom).toEqual({
      manifest: pushed[0]?.descriptor,
      artifactType: 'application/sbom',
      annotations: { title: 'SBOM' },
    });
    const annotated = all.referrers.find(({ artifactType }) => artifactType === 'application/long');
    expect(annotated?.annotations).toEqual(long);

    const first = await listReferrers(us, 'lists/subject', app.descriptor.digest, { limit: 2 });
    expect(first.more).toBe(true);
    const rest = await listReferrers(us, 'lists/subject', app.descriptor.digest, {
      last: first.referrers.at(-1)?.manifest?.digest ?? '',
    });
    expect([...first.referrers, ...rest.referrers]).toEqual(all.referrers);
  });
});
