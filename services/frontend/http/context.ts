import type { ParameterizedContext } from 'koa';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { parseReference, type Reference } from '#libs/oci/reference.ts';
import type { Access } from '../auth/access.ts';
import type { Need } from '../auth/needs.ts';
import type { MinimumRate } from './client-pace.ts';
import type { Origin } from './origin.ts';

/** What is known of a request while it runs. */
export interface RequestState {
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** The template of the route, such as `/v2/<name>/tags/list`; empty where none matches. */
  route: string;
  repository: string | undefined;
  /** The client sends its body only once it is told to: `Expect: 100-continue`. */
  awaitsContinue: boolean;
  /** Bytes of the bodies so far. */
  bytesIn: number;
  bytesOut: number;
  /** What the client must keep to while it is waited for. */
  readonly minimumRate: MinimumRate;
  /** Set when the client did not: it took too little of the answer, or sent too little of the request. */
  stalled: 'reader' | 'writer' | undefined;
  /** Other regions whose services were used so far, in the place of the own region's. */
  regionsUsed(): readonly string[];
  /** Who asks, and what he may. */
  access: Access;
  /** What the route asks for, where there is a gate before it, and whether the gate was passed. */
  need: Need | undefined;
  admitted: boolean;
  /** The name that came with a password or secret, right or wrong; empty without one. */
  tried: string;
  readonly origin: Origin;
  /** Who an issuer of OpenID Connect said that it is, and who he is here; empty as long as that is not known. */
  vouched: Vouched | undefined;
  /** Why the request failed, for the log. */
  failure: unknown;
}

export interface Vouched {
  readonly issuer: string;
  /** To the issuer. */
  readonly subject: string;
  readonly name: string;
  readonly id: string;
}

export interface RequestParameters {
  /** What the path has in the places that its template leaves open, decoded. */
  params: Readonly<Record<string, string>>;
}

export type RequestContext = ParameterizedContext<RequestState, RequestParameters>;
export type Handler = (ctx: RequestContext) => Promise<void>;

/*
 * The pieces of the path, each decoded once and checked by its grammar before anything else sees it: %2F and the like make no
 * name that the grammar would not allow.
 */

/** Throws NAME_INVALID. */
export function repositoryOf(ctx: RequestContext): RepositoryName {
  const repository = parseRepositoryName(pathParameter(ctx, 'name'));
  ctx.state.repository = repository;
  return repository;
}

/** Throws TAG_INVALID or DIGEST_INVALID. */
export function referenceOf(ctx: RequestContext): Reference {
  return parseReference(pathParameter(ctx, 'reference'));
}

/** Throws DIGEST_INVALID. */
export function digestOfPath(ctx: RequestContext): Digest {
  return parseDigest(pathParameter(ctx, 'digest'));
}

export function pathParameter(ctx: RequestContext, name: string): string {
  return ctx.params[name] ?? '';
}

/** The first value of a query parameter. */
export function queryParameter(ctx: RequestContext, name: string): string | undefined {
  return query(ctx).get(name) ?? undefined;
}

export function queryParameters(ctx: RequestContext, name: string): string[] {
  return query(ctx).getAll(name);
}

/** A header's value, joined where it came several times: of two that disagree, none is believed in silence. */
export function header(ctx: RequestContext, name: string): string | undefined {
  return ctx.req.headers[name] === undefined ? undefined : ctx.req.headersDistinct[name]?.join(', ');
}

function query(ctx: RequestContext): URLSearchParams {
  return new URLSearchParams(ctx.querystring);
}
