import { RegistryError } from '#libs/oci/errors.ts';
import { parseManifest, type Manifest } from '#libs/oci/manifest.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import type { Descriptor } from '#types/meridian/v1/Descriptor.ts';
import type { Freshness } from '#types/meridian/v1/Freshness.ts';
import type { ManifestRecord, MemoryQuorum } from './catalog-state.ts';
import { memoryRegionCalls } from './regions.ts';
import { memorySettings } from './settings.ts';
import { memoryBlobs, requireMatch } from './blobs.ts';
import { memoryView } from './view.ts';

/** A region's catalog service, in memory. Keeps the contract of proto/meridian/v1/catalog.proto. */
export interface MemoryCatalog {
  readonly catalog: Catalog;
  /** From now on the region does not reach the quorum: its view stays as it is and grows stale. */
  cutOff(): void;
  reconnect(): void;
}

export function memoryCatalog(options: {
  region: string;
  quorum: MemoryQuorum;
  storage: Storage;
  /** The storages of all regions, for pins. */
  storages: ReadonlyMap<string, Storage>;
}): MemoryCatalog {
  const { region, quorum, storage, storages } = options;
  const view = memoryView(region, quorum);
  const settings = memorySettings(quorum, view, [...storages.keys()]);

  const fresh = async ({ strong, catalogId, minRevision }: Freshness, repository: string): Promise<void> => {
    const { reads, maxStalenessMs = Infinity } = settings.effective(repository);
    if (reads === 'strong' || view.position().stalenessMs > maxStalenessMs) view.barrier();
    if (minRevision > 0 && (catalogId !== quorum.catalogId || minRevision > quorum.head)) {
      throw new RegistryError('PRECONDITION_FAILED', 'There is no such revision in this catalog.');
    }
    if (strong || minRevision > view.position().revision) view.barrier();
  };
  const find = (repository: string, reference: string): ManifestRecord | undefined => {
    const found = view.state().get(repository);
    return found?.manifests.get(reference.includes(':') ? reference : (found.tags.get(reference) ?? ''));
  };
  const { owned, pinned, ...blobCalls } = memoryBlobs({ view, quorum, storages });
  const sizeOf = async (repository: string, digest: string): Promise<number | undefined> =>
    owned(view.state().get(repository), digest) ?? (await pinned(repository, digest));

  const ownedBy = async (repository: string, manifest: Manifest): Promise<Map<string, number>> => {
    const sizes = new Map<string, number>();
    for (const { descriptor, foreign } of manifest.references) {
      const size = await sizeOf(repository, descriptor.digest);
      if (size !== undefined) sizes.set(descriptor.digest, size);
      else if (!foreign && settings.effective(repository).missing === 'refuse') {
        throw new RegistryError(
          'MANIFEST_BLOB_UNKNOWN',
          `${descriptor.digest} is not known in ${repository}.`,
        );
      }
    }
    return sizes;
  };

  const resolve: Catalog['resolve'] = async ({ repository, reference, freshness }) => {
    if (freshness !== null) await fresh(freshness, repository);
    let record = find(repository, reference);
    if (record === undefined) {
      view.barrier();
      record = find(repository, reference);
    }
    if (record === undefined) throw unknownManifest(repository, reference);
    return { manifest: descriptorOf(record), position: view.position(), reuse: settings.reuse(repository) };
  };

  const catalog: Catalog = {
    resolve,
    findDurability: async (request, context) => {
      const { manifest, position } = await resolve(request, context);
      const regions = [...storages.keys()];
      const { durability } = settings.effective(request.repository);
      const count = typeof durability === 'number' ? durability : 1;
      return { manifest, position, regions, count, placement: [] };
    },
    findBlob: async ({ repository, digest }) => {
      await fresh(ANY, repository);
      let size = await sizeOf(repository, digest);
      if (size === undefined) {
        view.barrier();
        size = await sizeOf(repository, digest);
      }
      if (size === undefined) {
        throw new RegistryError('BLOB_UNKNOWN', `The blob ${digest} is not known in ${repository}.`);
      }
      return { digest, size, position: view.position(), reuse: settings.reuse(repository) };
    },
    ...blobCalls,
    push: async ({ repository, tags, manifest, ifMatch, ifNoneMatch, mayRetag }, { signal }) => {
      view.barrier();
      if (manifest === null) throw new Error('a push names its manifest');
      const chunks: Buffer[] = [];
      const bytes = storage.read({ digest: manifest.digest, offset: 0, length: 0 }, { signal });
      for await (const { data } of bytes) chunks.push(data);
      const parsed = parseManifest(Buffer.concat(chunks), manifest.mediaType);
      const record: ManifestRecord = {
        digest: manifest.digest,
        size: manifest.size,
        manifest: parsed,
        owned: await ownedBy(repository, parsed),
      };
      const current = quorum.state.get(repository)?.tags.get(tags[0] ?? '');
      requireMatch(current, ifMatch, ifNoneMatch);
      const moved = tags.find(
        (tag) => (quorum.state.get(repository)?.tags.get(tag) ?? manifest.digest) !== manifest.digest,
      );
      if (moved !== undefined && !mayRetag)
        throw new RegistryError('DENIED', `The tag ${moved} is another manifest's.`);
      const changed = tags.map((tag) => ({ tag, digest: manifest.digest }));
      quorum.commit({ repository, put: record, tags: changed });
      const subject = parsed.subject?.digest ?? '';
      return { position: view.position(), durableRegions: [region], subject };
    },
    deleteTag: async ({ repository, tag, ifMatch }) => {
      view.barrier();
      const current = quorum.state.get(repository)?.tags.get(tag);
      if (current === undefined) throw unknownManifest(repository, tag);
      requireMatch(current, ifMatch, '');
      quorum.commit({ repository, tags: [{ tag, digest: undefined }] });
      return { position: view.position() };
    },
    deleteManifest: async ({ repository, digest, ifMatch }) => {
      view.barrier();
      const found = quorum.state.get(repository);
      if (found?.manifests.has(digest) !== true) throw unknownManifest(repository, digest);
      requireMatch(digest, ifMatch, '');
      const tags = Array.from(found.tags).filter(([, target]) => target === digest);
      quorum.commit({
        repository,
        remove: digest,
        tags: tags.map(([tag]) => ({ tag, digest: undefined })),
      });
      return { position: view.position() };
    },
    listTags: async ({ repository, last, limit, freshness }) => {
      if (freshness !== null) await fresh(freshness, repository);
      const found = view.state().get(repository);
      if (found === undefined) {
        throw new RegistryError('NAME_UNKNOWN', `There is no repository ${repository}.`);
      }
      return { ...pageOf(found.tags.keys(), last, limit), position: view.position() };
    },
    listRepositories: async ({ last, limit, freshness }) => {
      if (freshness !== null) await fresh(freshness, '');
      return { ...pageOf(view.state().keys(), last, limit), position: view.position() };
    },
    listReferrers: async ({ repository, digest, artifactType, last, limit, freshness }) => {
      if (freshness !== null) await fresh(freshness, repository);
      const all = Array.from(view.state().get(repository)?.manifests.values() ?? []).filter(
        ({ manifest }) =>
          manifest.subject?.digest === digest &&
          (artifactType === '' || manifest.artifactType === artifactType),
      );
      const page = pageOf(
        all.map((record) => record.digest),
        last,
        limit,
      );
      const referrers = page.names.flatMap((name) => all.filter((record) => record.digest === name));
      return {
        referrers: referrers.map((record) => ({
          manifest: descriptorOf(record),
          artifactType: record.manifest.artifactType ?? '',
          annotations: { ...record.manifest.annotations },
        })),
        more: page.more,
        position: view.position(),
        regions: settings.reuse(repository).regions,
      };
    },
    follow: (_request, { signal }) => view.frames(signal),
    getSettings: settings.getSettings,
    changeSettings: settings.changeSettings,
    ...memoryRegionCalls(quorum, view),
    status: async () => ({
      region,
      position: view.position(),
      watermark: quorum.head,
      missingBlobs: 0,
      missingBytes: 0,
      lostBlobs: 0,
      regions: [],
    }),
  };
  return { catalog, cutOff: () => view.cutOff(), reconnect: () => view.reconnect() };
}

const ANY: Freshness = { strong: false, catalogId: '', minRevision: 0 };

function descriptorOf({ digest, size, manifest }: ManifestRecord): Descriptor {
  return { mediaType: manifest.mediaType, digest, size };
}

function pageOf(names: Iterable<string>, last: string, limit: number): { names: string[]; more: boolean } {
  const after = Array.from(names)
    .filter((name) => last === '' || Buffer.compare(Buffer.from(name), Buffer.from(last)) > 0)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { names: after.slice(0, limit), more: after.length > limit };
}

function unknownManifest(repository: string, reference: string): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', `There is no manifest ${reference} in ${repository}.`);
}
