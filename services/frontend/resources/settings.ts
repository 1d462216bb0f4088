import type { RepositoryName } from '#libs/oci/name.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { SettingsAnswer } from '#types/meridian/v1/SettingsAnswer.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { header, repositoryOf, type Handler, type RequestContext } from '../http/context.ts';
import { tellPosition } from '../http/freshness.ts';

/** Settings are few and short. */
const MAX_PATCH_BYTES = 64 * 1024;

/** The settings of a repository or, on the path without one, the cluster's defaults: what is set there, and what is in force. */
export function readSettings({ catalog, settings }: Frontend): Handler {
  return async (ctx) => {
    const repository = scopeOf(ctx);
    const answer = await catalog.getSettings({ repository: repository ?? '' }, { signal: ctx.state.signal });
    tellSettings(ctx, repository, answer, settings);
  };
}

/** Changes them by a JSON merge patch. https://www.rfc-editor.org/rfc/rfc7396 */
export function changeSettings({ catalog, cache, settings }: Frontend): Handler {
  return async (ctx) => {
    const repository = scopeOf(ctx);
    const ifMatch = readVersion(header(ctx, 'if-match'));
    const patch = (await readBody(ctx, 'change of settings', MAX_PATCH_BYTES)).toString();
    if (repository !== undefined && settings.deletion === 'off') refuseRetention(patch);
    const request = { repository: repository ?? '', patch, ifMatch };
    const answer = await catalog.changeSettings(request, { signal: ctx.state.signal });
    cache.wrote(repository, answer.position);
    tellSettings(ctx, repository, answer, settings);
  };
}

/** Where nobody deletes, nobody has the registry delete for him either; for all repositories an operator may still. Throws DENIED. */
function refuseRetention(patch: string): void {
  const untagged = untaggedOf(patch);
  if (untagged === undefined || untagged === null || untagged === 'keep') return;
  throw new RegistryError(
    'DENIED',
    'Deletion is turned off in this registry, so that a repository can only keep what is untagged ("keep", or null); ask its operator.',
  );
}

/** Whether the rest is as it should be is for the catalog to say. */
function untaggedOf(patch: string): unknown {
  try {
    const { untagged } = Object(JSON.parse(patch)) as { untagged?: unknown };
    return untagged;
  } catch {
    return undefined;
  }
}

/** Undefined for the defaults. */
function scopeOf(ctx: RequestContext): RepositoryName | undefined {
  return 'name' in ctx.params ? repositoryOf(ctx) : undefined;
}

function tellSettings(
  ctx: RequestContext,
  repository: RepositoryName | undefined,
  { settings, version, position }: SettingsAnswer,
  limits: { staleWarningMs: number },
): void {
  const own = repository === undefined ? 'defaults' : 'repository';
  const known = settings.map(({ name, value, source }) => ({
    name,
    value: JSON.parse(value) as unknown,
    source,
  }));
  const set = known.filter(({ source }) => source === own).map(({ name, value }) => [name, value]);
  const effective = known.map(({ name, value, source }) => [name, { value, source }]);
  tellPosition(ctx, position, limits);
  ctx.set({ ETag: `"${version}"`, 'Cache-Control': 'no-store' });
  answerJson(ctx, {
    ...(repository === undefined ? {} : { repository }),
    settings: Object.fromEntries(set) as unknown,
    effective: Object.fromEntries(effective) as unknown,
  });
}

/** The version that a writer's `If-Match` names, `*`, or empty where the header is absent. Throws REQUEST_INVALID. */
function readVersion(ifMatch: string | undefined): string {
  if (ifMatch === undefined || ifMatch.trim() === '*') return ifMatch?.trim() ?? '';
  const [, version] = /^"(\d{1,16})"$/.exec(ifMatch.trim()) ?? [];
  if (version !== undefined) return version;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The header If-Match is ${quote(ifMatch)}; expected one ETag of an earlier answer, such as "42", or *.`,
  );
}
