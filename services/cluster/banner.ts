import { join, relative } from 'node:path';
import type { ClusterArguments } from './arguments.ts';
import type { FirstAdministrator } from './child.ts';
import type { ClusterPlan } from './plan.ts';

/** The image that the printed lines push: a folder of the data directory, and the tag in it. */
export const EXAMPLE_IMAGE = 'example-image';
export const EXAMPLE_TAG = '1.0';

/** What is printed once all regions serve: where they are, what to try, where the data lies. */
export function banner(plan: ClusterPlan, options: ClusterArguments): string {
  const [first] = plan.regions;
  const last = plan.regions.at(-1);
  if (first === undefined || last === undefined) return '';
  const coordination =
    options.etcd.length > 0
      ? `etcd at ${options.etcd.join(', ')}`
      : 'the embedded coordinator (one process: for trying out; production runs on etcd)';
  const path = join(options.dataDir, EXAMPLE_IMAGE);
  const example = relative('.', path).startsWith('..') ? path : relative('.', path);
  return `
Meridian is ready. One registry, ${plan.regions.length === 1 ? 'this region' : `${plan.regions.length} regions`}:

${plan.regions.map(({ name, registry, admin }) => `  ${name.padEnd(4)} http://${registry}    metrics ${admin}/metrics`).join('\n')}

Push an image through one region and pull it from another, at once:

  skopeo copy --dest-tls-verify=false oci:${example}:${EXAMPLE_TAG} docker://${first.registry}/team/app:1.0
  skopeo copy --src-tls-verify=false docker://${last.registry}/team/app:1.0 oci:${example}-copy:${EXAMPLE_TAG}
  curl http://${last.registry}/v2/team/app/tags/list

Tags are kept by ${coordination}.
Data and logs: ${options.dataDir}
${options.auth ? GUARDED : OPEN} Ctrl-C stops everything.
`;
}

const OPEN =
  'Anyone on this machine can push and pull; nothing listens beyond it (--auth asks everyone to log in).';
const GUARDED =
  'Who is not logged in may do nothing: skopeo login, docker login, or npx meridian login; nothing listens beyond this machine.';

/** What is printed once in a cluster's life. */
export function administratorText({ name, password }: FirstAdministrator): string {
  if (password === undefined) return `The first administrator is ${name}, with the password that you chose.`;
  return `
The first administrator is ${name}, with the password ${password}
It is not shown again, nor kept anywhere. To log in, and choose another one: npx meridian login; npx meridian auth users password ${name}
`;
}
