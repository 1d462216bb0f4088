import fc from 'fast-check';
import { expect, it } from 'vitest';
import { digestOf, type Digest } from '#libs/oci/digest.ts';
import { removable, unkept, type Graph, type JudgedManifest } from '#services/replication/retention/judge.ts';

const digests = Array.from({ length: 12 }, (_, i) => digestOf(Buffer.from(`manifest ${i}`)));
const at = (index: number): Digest => digests[index] ?? digestOf(Buffer.from(`absent ${index}`));

interface Drawn {
  readonly names?: readonly number[];
  readonly subject?: number | undefined;
  readonly tagged?: boolean;
}

function graphOf(drawn: readonly Drawn[]): Graph {
  return new Map(
    drawn.map(({ names = [], subject, tagged = false }, index): [Digest, JudgedManifest] => [
      at(index),
      {
        digest: at(index),
        names: names.map(at),
        subject: subject === undefined ? undefined : at(subject),
        isRoot: tagged,
      },
    ]),
  );
}

it.each<[what: string, drawn: Drawn[], young: number[], gone: number[]]>([
  ['nothing that is tagged', [{ tagged: true }], [], []],
  ['what nothing keeps', [{}], [], [0]],
  ['nothing whose time has not come', [{}], [0], []],
  [
    'no child of a tagged index, whatever its depth',
    [{ tagged: true, names: [1] }, { names: [2] }, {}],
    [],
    [],
  ],
  [
    'no referrer of what is kept, nor its referrers',
    [{ tagged: true }, { subject: 0 }, { subject: 1 }],
    [],
    [],
  ],
  ['a referrer with its subject', [{}, { subject: 0 }], [], [0, 1]],
  ['a subject that only a referrer speaks of', [{}, { tagged: true, subject: 0 }], [], [0]],
  ['a referrer of what was never there', [{ subject: 20 }], [], [0]],
  ['an index before its children', [{}, { names: [0, 2] }, {}], [], [1, 0, 2]],
  ['no child of an index that may stay for a while', [{ names: [1] }, {}], [0], []],
  ['no referrer of what may stay for a while', [{}, { subject: 0 }], [0], []],
  ['what is named only by what is not there', [{ names: [30] }], [], [0]],
])('removes %s', (_, drawn, young, gone) => {
  const isDue = (digest: Digest): boolean => !young.map(at).includes(digest);
  const removed = removable(graphOf(drawn), isDue);
  expect(removed.toSorted()).toEqual(gone.map(at).toSorted());
});

const index = fc.integer({ min: 0, max: digests.length - 1 });
const manifests = fc.array(
  fc.record({
    names: fc.array(index, { maxLength: 3 }),
    subject: fc.option(index, { nil: undefined }),
    tagged: fc.boolean(),
  }),
  { maxLength: digests.length },
);

it('never removes what a tag, or what may stay, leads to by children and referrers', () => {
  fc.assert(
    fc.property(manifests, fc.array(index), (drawn, young) => {
      // Digests name downwards only: nothing can name what names it.
      const acyclic = drawn.map((each, i) => ({
        ...each,
        names: each.names.filter((name) => name > i),
        subject: each.subject !== undefined && each.subject > i ? undefined : each.subject,
      }));
      const graph = graphOf(acyclic);
      const isDue = (digest: Digest): boolean => !young.map(at).includes(digest);
      const removed = removable(graph, isDue);
      const gone = new Set(removed);
      expect(gone.size).toBe(removed.length);
      for (const { digest, isRoot, names } of graph.values()) {
        if (isRoot || !isDue(digest)) expect(gone.has(digest)).toBe(false);
        // An edge never leads from what stays to what goes.
        for (const name of names) if (gone.has(name)) expect(gone.has(digest)).toBe(true);
        const { subject } = graph.get(digest) ?? {};
        if (gone.has(digest) && subject !== undefined && graph.has(subject))
          expect(gone.has(subject)).toBe(true);
        // Parents go first.
        for (const name of names.filter((each) => gone.has(each)))
          expect(removed.indexOf(digest)).toBeLessThan(removed.indexOf(name));
      }
      expect(unkept(graph)).toEqual(expect.arrayContaining(removed));
      // And all of it goes once its time has come.
      expect(removable(graph, () => true).toSorted()).toEqual(unkept(graph).toSorted());
    }),
  );
});
