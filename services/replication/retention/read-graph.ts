import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { ManifestRecord } from '../catalog/manifest-record.ts';
import type { ManifestView, TagView } from '../catalog/view/view.ts';
import type { JudgedManifest } from './judge.ts';

const PAGE = 200;

export interface ReadManifests {
  readonly graph: Map<Digest, JudgedManifest>;
  readonly pushedAtMs: Map<Digest, number>;
}

/**
 * All manifests of the repository, read over several turns: what is put meanwhile may be missing, which whoever removes has to notice.
 */
export async function readGraph(
  view: ManifestView & TagView,
  repository: RepositoryName,
  signal: AbortSignal,
): Promise<ReadManifests> {
  const graph = new Map<Digest, JudgedManifest>();
  const pushedAtMs = new Map<Digest, number>();
  for (let last = ''; ;) {
    const page = view.manifests(repository, last, PAGE);
    for (const { digest, record } of page) {
      const isRoot = isCacheList(record) || view.tagsOf(repository, digest).length > 0;
      const names = record.references.map((reference) => reference.digest);
      graph.set(digest, { digest, names, subject: record.subject, isRoot });
      pushedAtMs.set(digest, record.pushedAtMs);
    }
    last = page.at(-1)?.digest ?? '';
    if (page.length < PAGE) return { graph, pushedAtMs };
    await nextTurn(undefined, { signal });
  }
}

/** What BuildKit exports its cache as: an index of layers, or an image whose config lists them. */
function isCacheList({ references }: ManifestRecord): boolean {
  return references.some(({ role, mediaType }) => role === 'blob' || mediaType === BUILDKIT_CONFIG);
}

const BUILDKIT_CONFIG = 'application/vnd.buildkit.cacheconfig.v0';
