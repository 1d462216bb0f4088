import { setTimeout } from 'node:timers/promises';
import { RegistryError, type ErrorCode } from '#libs/oci/errors.ts';
import type { FoundBlob } from '#types/meridian/v1/FoundBlob.ts';
import type { Freshness } from '#types/meridian/v1/Freshness.ts';
import type { NamePage } from '#types/meridian/v1/NamePage.ts';
import type { ReferrersPage } from '#types/meridian/v1/ReferrersPage.ts';
import type { ResolvedManifest } from '#types/meridian/v1/ResolvedManifest.ts';
import type { SettingsAnswer } from '#types/meridian/v1/SettingsAnswer.ts';
import type { TestRegion } from './regions.ts';

const context = () => ({ signal: AbortSignal.timeout(30_000) });

export function resolve(
  { catalog }: TestRegion,
  repository: string,
  reference: string,
  freshness: Freshness | null = null,
): Promise<ResolvedManifest> {
  return catalog.resolve({ repository, reference, freshness }, context());
}

/** The digest that a tag points to. */
export async function digestOfTag(region: TestRegion, repository: string, tag: string): Promise<string> {
  return (await resolve(region, repository, tag)).manifest?.digest ?? '';
}

export function findBlob(
  { catalog }: TestRegion,
  repository: string,
  digest: string,
  forUpload = false,
): Promise<FoundBlob> {
  return catalog.findBlob({ repository, digest, forUpload }, context());
}

export function listTags(
  { catalog }: TestRegion,
  repository: string,
  page: { last?: string; limit?: number; freshness?: Freshness } = {},
): Promise<NamePage> {
  return catalog.listTags({ repository, last: '', limit: 1_000, freshness: null, ...page }, context());
}

export function listReferrers(
  { catalog }: TestRegion,
  repository: string,
  digest: string,
  page: { artifactType?: string; last?: string; limit?: number } = {},
): Promise<ReferrersPage> {
  const request = { repository, digest, artifactType: '', last: '', limit: 100, freshness: null, ...page };
  return catalog.listReferrers(request, context());
}

export function deleteTag(region: TestRegion, repository: string, tag: string, ifMatch = '') {
  return region.catalog.deleteTag({ repository, tag, ifMatch }, context());
}

export function deleteManifest(region: TestRegion, repository: string, digest: string, ifMatch = '') {
  return region.catalog.deleteManifest({ repository, digest, ifMatch }, context());
}

export function deleteBlob(region: TestRegion, repository: string, digest: string, ifMatch = '') {
  return region.catalog.deleteBlob({ repository, digest, ifMatch }, context());
}

export function findOwners(region: TestRegion, digest: string, limit = 10) {
  return region.catalog.findOwners({ digest, limit, region: '' }, context());
}

/** The code that the promise rejects with; an error of another kind, or none, is the test's failure. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  return (await errorOf(promise)).code;
}

export async function errorOf(promise: Promise<unknown>): Promise<RegistryError> {
  const outcome = await promise.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome && outcome.error instanceof RegistryError) return outcome.error;
  throw new Error('A RegistryError was expected.', { cause: outcome });
}

/** Waits until it is true; fails after `timeoutMs`. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}.`);
    await setTimeout(10);
  }
}

/** Changes the settings of a repository or, where its name is empty, the defaults. */
export function changeSettings(
  { catalog }: TestRegion,
  repository: string,
  patch: object,
  ifMatch = '',
): Promise<SettingsAnswer> {
  return catalog.changeSettings({ repository, patch: JSON.stringify(patch), ifMatch }, context());
}

/** Each setting's value with where it comes from. */
export async function inForce({ catalog }: TestRegion, repository: string): Promise<unknown> {
  const { settings } = await catalog.getSettings({ repository }, context());
  return Object.fromEntries(
    settings.map(({ name, value, source }) => [name, [JSON.parse(value) as unknown, source]]),
  );
}
