import type { Digest } from '#libs/oci/digest.ts';

/** A manifest of a repository, as far as it matters for what has to stay. */
export interface JudgedManifest {
  readonly digest: Digest;
  /** All that it names, owned or not. */
  readonly names: readonly Digest[];
  readonly subject: Digest | undefined;
  /** Stays by itself: it is tagged, or a list of cached layers. */
  readonly isRoot: boolean;
}

export type Graph = ReadonlyMap<Digest, JudgedManifest>;

/** What stays because of these: themselves, what they name, and what refers to any of it, and so on. */
export function keptBy(graph: Graph, roots: Iterable<Digest>): Set<Digest> {
  const referrers = Map.groupBy(graph.values(), ({ subject }) => subject);
  const kept = new Set<Digest>();
  const queue = [...roots];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    const manifest = graph.get(digest);
    if (manifest === undefined || kept.has(digest)) continue;
    kept.add(digest);
    queue.push(...manifest.names);
    for (const referrer of referrers.get(digest) ?? []) queue.push(referrer.digest);
  }
  return kept;
}

/** The manifests that nothing keeps. */
export function unkept(graph: Graph): Digest[] {
  const roots = [...graph.values()].filter(({ isRoot }) => isRoot).map(({ digest }) => digest);
  const kept = keptBy(graph, roots);
  return [...graph.keys()].filter((digest) => !kept.has(digest));
}

/** Those of them that may go, parents first: their time has come, and that of all that would keep them as well. */
export function removable(graph: Graph, isDue: (digest: Digest) => boolean): Digest[] {
  const candidates = unkept(graph);
  const due = new Set(candidates.filter(isDue));
  const kept = keptBy(
    graph,
    [...graph.keys()].filter((digest) => !due.has(digest)),
  );
  return parentsFirst(
    graph,
    candidates.filter((digest) => due.has(digest) && !kept.has(digest)),
  );
}

/** So that a removal that ends midway leaves no index without its children. */
function parentsFirst(graph: Graph, digests: readonly Digest[]): Digest[] {
  const ordered: Digest[] = [];
  const left = new Map(digests.map((digest) => [digest, 0]));
  const namesOf = (digest: Digest): Digest[] =>
    [...new Set(graph.get(digest)?.names)].filter((name) => left.has(name));
  for (const digest of digests) for (const name of namesOf(digest)) left.set(name, (left.get(name) ?? 0) + 1);
  const free = digests.filter((digest) => left.get(digest) === 0);
  for (let digest = free.pop(); digest !== undefined; digest = free.pop()) {
    ordered.push(digest);
    for (const name of namesOf(digest)) {
      const parents = (left.get(name) ?? 0) - 1;
      left.set(name, parents);
      if (parents === 0) free.push(name);
    }
  }
  return ordered;
}
