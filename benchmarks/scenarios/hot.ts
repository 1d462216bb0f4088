import { nginx } from '#test/support/nginx.ts';
import { compare, stepsOf } from '../measure/compare.ts';
import { comparisonOf } from '../measure/load-case.ts';
import { withServers } from '../measure/with-servers.ts';
import { startMeridianBehindNginx } from '../servers/meridian-nginx.ts';
import { startPlainNode } from '../servers/plain-node.ts';
import { pushBlobs, pushImages } from './content.ts';
import { hotNotes, largeCases, planHotContent, smallCases } from './hot-requests.ts';
import type { Scenario } from './scenario.ts';

/** Requests in one region for what was asked for before. */
export const hot: Scenario = {
  name: 'hot',
  title: 'Hot requests in one region',
  notes: hotNotes,
  run: async (context) => {
    const content = planHotContent(context);
    const behindNginx = nginx.usable ? [startMeridianBehindNginx] : [];
    const all = [...context.starters, ...behindNginx, startPlainNode];
    return withServers(context, all, async (servers) => {
      const registries = servers.slice(0, context.starters.length);
      const small = smallCases(context, content);
      const large = largeCases(context, content);
      context.progress.begin(
        hot.title,
        stepsOf(context, small.length, registries.length) +
          stepsOf(context, large.length, servers.length) +
          servers.length,
      );
      for (const server of servers.slice(0, -1))
        await pushImages(context, server, [...content.images, content.image]);
      // Plain Node knows no manifests.
      for (const server of servers.slice(-1)) await pushBlobs(context, server, 'hot/large', [content.large]);
      const results = [];
      for (const one of small) results.push(await compare(context, registries, comparisonOf(context, one)));
      for (const one of large) results.push(await compare(context, servers, comparisonOf(context, one)));
      return results;
    });
  },
};
