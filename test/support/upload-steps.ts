import { exchange, type Exchange } from './exchange.ts';
import type { Answer } from './registry-client.ts';

/** A step of an upload. `<location>` stands for the Location of the step before, and a query is added to that one's own. */
export type Step = Omit<Exchange, 'name'>;

/** Takes the steps one after the other, through one registry and the next in turn; gives the last answer. */
export async function takeSteps(
  registries: readonly [string, ...string[]],
  repository: string,
  steps: readonly Step[],
): Promise<Answer | undefined> {
  let location = '';
  let answer: Answer | undefined;
  for (const [i, step] of steps.entries()) {
    const request = step.request.replace(/<location>\??/, (found) => {
      return found.endsWith('?') ? `${location}${location.includes('?') ? '&' : '?'}` : location;
    });
    const registry = registries[i % registries.length] ?? registries[0];
    answer = await exchange(registry, repository, { ...step, request, name: step.request });
    location = pathOf(answer.headers.location) ?? location;
  }
  return answer;
}

/** A Location as a path with its query, whether it came with a host or without. */
function pathOf(location: string | undefined): string | undefined {
  if (location === undefined) return undefined;
  const { pathname, search } = new URL(location, 'http://registry');
  return `${pathname}${search}`;
}
