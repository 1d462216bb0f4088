import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import {
  isPushedAgain,
  manifestRecord,
  MAX_MANIFEST_RECORD_BYTES,
  type ManifestRecord,
  type RecordedReference,
} from '#services/replication/catalog/manifest-record.ts';
import { gcRecord, repositoryRecord, type RepositoryRecord } from '#services/replication/catalog/records.ts';
import { thrownBy } from './thrown.ts';

const sizes = fc.nat();
const references: fc.Arbitrary<RecordedReference> = fc.record({
  digest: fc.string().map((text) => digestOf(Buffer.from(text))),
  size: sizes,
  mediaType: fc.constantFrom('application/a', 'application/b', 'application/c'),
  role: fc.constantFrom('config', 'layer', 'manifest', 'blob'),
  owned: fc.boolean(),
});
const manifests: fc.Arbitrary<ManifestRecord> = fc.record(
  {
    mediaType: fc.string(),
    size: sizes,
    kind: fc.constantFrom('image', 'index'),
    references: fc.array(references, { maxLength: 20 }),
    subject: fc.string().map((text) => digestOf(Buffer.from(text))),
    artifactType: fc.string(),
    annotations: fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.string(),
      { noNullPrototype: true },
    ),
    pushedAtMs: sizes,
    pushedBy: fc.string(),
    where: fc.string(),
  },
  { requiredKeys: ['mediaType', 'size', 'kind', 'references', 'pushedAtMs', 'pushedBy', 'where'] },
);
const repositories: fc.Arbitrary<RepositoryRecord> = fc.record(
  {
    incarnation: fc.string(),
    state: fc.constantFrom('active', 'deleting'),
    durability: fc.oneof(
      fc.constantFrom('local' as const, 'quorum' as const, 'all' as const),
      fc.integer({ min: 1 }),
    ),
    reads: fc.constantFrom('bounded', 'strong'),
    maxStalenessMs: sizes,
    missing: fc.constantFrom('refuse', 'accept'),
  },
  { requiredKeys: ['incarnation', 'state'] },
);

describe('a record', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(manifests, repositories, (manifest, repository) => {
        expect(manifestRecord.decode(manifestRecord.encode(manifest), 'a key')).toEqual(manifest);
        expect(repositoryRecord.decode(repositoryRecord.encode(repository), 'a key')).toEqual(repository);
      }),
    );
  });

  it('is written the same way whatever order its fields came in, so that transactions can compare it', () => {
    const [one, other] = [
      { incarnation: 'i', state: 'active', reads: 'strong' } as const,
      { reads: 'strong', state: 'active', incarnation: 'i' } as const,
    ];
    expect(repositoryRecord.encode(one)).toEqual(repositoryRecord.encode(other));
    expect(gcRecord.encode({ epoch: 7 }).toString()).toBe('{"schema":1,"epoch":7}');
  });

  it.each(['', 'text', '{}', '{"schema":2,"epoch":1}', '{"schema":1,"epoch":-1}', '{"schema":1}'])(
    'of another format is refused with its key: %s',
    (text) => {
      const error = thrownBy(() => gcRecord.decode(Buffer.from(text), '/meridian/v1/gc/us'));
      expect(error).toMatchObject({ code: 'INTERNAL' });
      expect(error.message).toContain('/meridian/v1/gc/us');
    },
  );

  it('of a manifest that is pushed again is told from one of which more has changed', () => {
    const misleading = fc.constantFrom('"pushedAtMs":', '\\"pushedAtMs":', '"pushedAtMs":1,"pushedBy":"');
    const push = fc.record({ pushedAtMs: sizes, pushedBy: misleading, where: misleading });
    const annotations = fc.dictionary(misleading, misleading, { noNullPrototype: true });
    fc.assert(
      fc.property(manifests, annotations, push, push, (manifest, annotations, first, again) => {
        const before = manifestRecord.encode({ ...manifest, annotations, ...first });
        const isAgain = (change: Partial<ManifestRecord>): boolean =>
          isPushedAgain(before, manifestRecord.encode({ ...manifest, annotations, ...again, ...change }));
        expect(isAgain({})).toBe(true);
        expect(isAgain({ size: manifest.size + 1 })).toBe(false);
        expect(isAgain({ annotations: { ...annotations, more: '' } })).toBe(false);
        manifest.references.forEach((one, i) =>
          expect(isAgain({ references: manifest.references.with(i, { ...one, owned: !one.owned }) })).toBe(
            false,
          ),
        );
      }),
    );
  });

  it('of a manifest that names too much is refused', () => {
    const of = (count: number): ManifestRecord => ({
      mediaType: 'application/a',
      size: 1,
      kind: 'image',
      references: Array.from({ length: count }, (_, i) => ({
        digest: digestOf(Buffer.from(String(i))),
        size: 1_000_000 + i,
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        role: 'layer',
        owned: true,
      })),
      pushedAtMs: 0,
      pushedBy: '',
      where: 'us',
    });
    expect(manifestRecord.encode(of(2_500)).length).toBeLessThan(MAX_MANIFEST_RECORD_BYTES);
    expect(thrownBy(() => manifestRecord.encode(of(4_000)))).toMatchObject({ code: 'TOO_LARGE' });
  });
});
