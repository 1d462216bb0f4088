import { seededRandom } from '#test/support/seeded-random.ts';
import { compare, stepsOf } from '../measure/compare.ts';
import { durationOf, type Context } from '../measure/context.ts';
import { comparisonOf, type LoadCase } from '../measure/load-case.ts';
import { withServers } from '../measure/with-servers.ts';
import type { Server } from '../servers/server.ts';
import { planImage, type PlannedImage } from '../workload/images.ts';
import { pushImages } from './content.ts';
import type { Scenario } from './scenario.ts';

const REPOSITORY = 'tags/many';
const PAGE = 1_000;
const CONNECTIONS = 4;
const ORDER = 256;

/** Lists of a repository that has very many tags. */
export const tagPages: Scenario = {
  name: 'tag-pages',
  title: 'Pages of very many tags',
  notes: (context) => [
    `${countOf(context).toLocaleString('en')} tags of one image, asked for in pages of ${PAGE} by ${CONNECTIONS} connections. distribution 2 knows no pages and sends all; its tags and those of distribution 3 are laid out as files the way it does, zot takes too long to be given so many.`,
  ],
  run: async (context) =>
    withServers(context, context.starters, async (all) => {
      const servers = all.filter(({ addTags }) => addTags !== undefined);
      context.progress.begin(tagPages.title, stepsOf(context, 2, servers.length) + 2 * servers.length);
      const image = planImage({
        ...{ repository: REPOSITORY, tag: 'first', seed: `${context.seed}/tags` },
        layerBytes: [1_000],
      });
      const tags = Array.from({ length: countOf(context) }, (_, i) => `v${String(i).padStart(6, '0')}`);
      for (const server of servers) await fill(context, server, image, tags);
      const results = [];
      for (const one of casesOf(context, tags))
        results.push(await compare(context, servers, comparisonOf(context, one)));
      return results;
    }),
};

function countOf({ quick }: Context): number {
  return quick ? 2_000 : 100_000;
}

async function fill(
  context: Context,
  server: Server,
  image: PlannedImage,
  tags: readonly string[],
): Promise<void> {
  await pushImages(context, server, [image]);
  context.progress.step(`${tags.length} tags for ${server.name}`);
  await server.addTags?.(REPOSITORY, image.manifest, tags);
}

function casesOf(context: Context, tags: readonly string[]): LoadCase[] {
  const random = seededRandom(context.seed);
  const pages = Array.from({ length: ORDER }, () => tags[Math.floor(random() * (tags.length - PAGE))] ?? '');
  return [
    { name: 'first page of tags', queries: [''] },
    { name: 'any page of tags', queries: pages.map((last) => `&last=${last}`) },
  ].map(({ name, queries }) => ({
    ...{ name, counts: 'requests' },
    work: (_server, round) => ({
      kind: 'requests',
      requests: queries.map((query) => ({
        ...{ method: 'GET', path: `/v2/${REPOSITORY}/tags/list?n=${PAGE}${query}`, status: 200 },
      })),
      order: queries.map((_, i) => i),
      connections: CONNECTIONS,
      durationMs: durationOf(context, round),
    }),
  }));
}
