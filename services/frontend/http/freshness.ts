import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { warning } from '#libs/oci/warning.ts';
import type { Freshness } from '#types/meridian/v1/Freshness.ts';
import type { Position } from '#types/meridian/v1/Position.ts';
import { setFields } from './answer.ts';
import { header, type RequestContext } from './context.ts';

const REVISION = /^([A-Za-z0-9._-]{1,128}):(\d{1,15})$/;

/**
 * How fresh an answer the client asks for: `Meridian-Consistency: strong`, and `Meridian-Min-Revision: <catalog id>:<revision>` with what
 * a `Meridian-Revision` header told it before. Throws REQUEST_INVALID.
 */
export function readFreshness(ctx: RequestContext): Freshness {
  const consistency = header(ctx, 'meridian-consistency');
  if (consistency !== undefined && consistency.toLowerCase() !== 'strong') {
    throw new RegistryError(
      'REQUEST_INVALID',
      `The header Meridian-Consistency is ${quote(consistency)}; the only value it can have is strong.`,
    );
  }
  const [catalogId, minRevision] = parseMinRevision(header(ctx, 'meridian-min-revision'));
  return { strong: consistency !== undefined, catalogId, minRevision };
}

/** Says what the answer was read from, and warns where that may be outdated. */
export function tellPosition(ctx: RequestContext, position: Position | null, limits: StalenessLimits): void {
  setFields(ctx, positionFields(position, limits));
}

export interface StalenessLimits {
  readonly staleWarningMs: number;
}

/** The same as names and values in turns. */
export function positionFields(position: Position | null, { staleWarningMs }: StalenessLimits): string[] {
  if (position === null) return [];
  const staleness = Math.ceil(position.stalenessMs / 1000);
  const fields = ['Meridian-Revision', `${position.catalogId}:${position.revision}`];
  fields.push('Meridian-Staleness', String(staleness));
  if (position.stalenessMs <= staleWarningMs) return fields;
  const text =
    `This region has not heard from the registry's quorum for ${staleness} s; ` +
    'tags may have moved elsewhere since.';
  fields.push('Warning', warning(text));
  return fields;
}

/** A `Meridian-Min-Revision`; an empty id and 0 without one. Throws REQUEST_INVALID. */
export function parseMinRevision(text: string | undefined): [catalogId: string, revision: number] {
  if (text === undefined) return ['', 0];
  const [, catalogId, revision] = REVISION.exec(text.trim()) ?? [];
  if (catalogId !== undefined && revision !== undefined) return [catalogId, Number(revision)];
  throw new RegistryError(
    'REQUEST_INVALID',
    `The header Meridian-Min-Revision is ${quote(text)}; expected <catalog id>:<revision>, as a Meridian-Revision header gave it.`,
  );
}
