import { isAuthKind, type AuthKind } from '#libs/auth/records.ts';
import { isDigest, type Digest } from '#libs/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { parseTag, type Tag } from '#libs/oci/tag.ts';

/** Everything Meridian keeps in etcd lies below this prefix. */
export const PREFIX = '/meridian/v1/';

/** Put by every catalog transaction: its mod revision is the catalog's newest revision. */
export const HEAD_KEY = `${PREFIX}catalog/head`;

/** Format of the data and the catalog's id; written once. */
export const SCHEMA_KEY = `${PREFIX}schema`;

/** The settings of repositories that have none of their own. */
export const DEFAULTS_KEY = `${PREFIX}defaults`;

/** The revision that history will be dropped up to next; no part of the catalog. */
export const COMPACTION_KEY = `${PREFIX}compaction`;

/** Put by every change of identities and permissions, so that they come one after the other; there once the first administrator is. */
export const AUTH_STATE_KEY = `${PREFIX}auth/state`;

export const REGION_PREFIX = `${PREFIX}region/`;

export const repositoryKey = (repository: RepositoryName): string => `${PREFIX}repository/${repository}`;
export const manifestKey = (repository: RepositoryName, digest: Digest): string =>
  `${PREFIX}manifest/${repository}@${digest}`;
/** Of all manifests of the repository, and of no other's. */
export const manifestPrefix = (repository: RepositoryName): string => `${PREFIX}manifest/${repository}@`;
export const tagKey = (repository: RepositoryName, tag: Tag): string => `${PREFIX}tag/${repository}:${tag}`;
export const removalsKey = (repository: RepositoryName): string => `${PREFIX}removals/${repository}`;
export const regionKey = (region: string): string => `${REGION_PREFIX}${region}`;
export const liveKey = (region: string, process: string): string => `${PREFIX}live/${region}/${process}`;
export const gcKey = (region: string): string => `${PREFIX}gc/${region}`;
/** Of an identity or a permission, by its name or id. */
export const authKey = (kind: AuthKind, name: string): string => `${PREFIX}auth/${kind}/${name}`;
export const receiptKey = (pushId: string): string => `${PREFIX}receipt/${pushId}`;

/** What a key stands for. */
export type ParsedKey =
  | { readonly kind: 'schema' }
  | { readonly kind: 'head' }
  | { readonly kind: 'defaults' }
  | { readonly kind: 'repository'; readonly repository: RepositoryName }
  | { readonly kind: 'manifest'; readonly repository: RepositoryName; readonly digest: Digest }
  | { readonly kind: 'tag'; readonly repository: RepositoryName; readonly tag: Tag }
  | { readonly kind: 'removals'; readonly repository: RepositoryName }
  | { readonly kind: 'region'; readonly region: string }
  | { readonly kind: 'live'; readonly region: string; readonly process: string }
  | { readonly kind: 'gc'; readonly region: string }
  | { readonly kind: 'receipt'; readonly pushId: string }
  | { readonly kind: 'auth-state' }
  | { readonly kind: 'auth'; readonly record: AuthKind; readonly name: string };

/** Undefined for keys of no kind that this version knows, and for malformed ones: nobody but Meridian should write here. */
export function parseKey(key: string): ParsedKey | undefined {
  if (key === HEAD_KEY) return { kind: 'head' };
  if (key === SCHEMA_KEY) return { kind: 'schema' };
  if (key === DEFAULTS_KEY) return { kind: 'defaults' };
  if (key === AUTH_STATE_KEY) return { kind: 'auth-state' };
  if (!key.startsWith(PREFIX)) return undefined;
  const [kind, rest] = cut(key.slice(PREFIX.length), '/');
  if (rest === '') return undefined;
  try {
    return parseRest(kind, rest);
  } catch {
    return undefined;
  }
}

function parseRest(kind: string, rest: string): ParsedKey | undefined {
  switch (kind) {
    case 'repository':
    case 'removals':
      return { kind, repository: parseRepositoryName(rest) };
    case 'manifest': {
      const [name, digest] = cut(rest, '@');
      return isDigest(digest) ? { kind, repository: parseRepositoryName(name), digest } : undefined;
    }
    case 'tag': {
      const [name, tag] = cut(rest, ':');
      return { kind, repository: parseRepositoryName(name), tag: parseTag(tag) };
    }
    case 'region':
    case 'gc':
      return { kind, region: rest };
    case 'live': {
      const [region, process] = cut(rest, '/');
      return process === '' ? undefined : { kind, region, process };
    }
    case 'auth': {
      const [record, name] = cut(rest, '/');
      return name !== '' && isAuthKind(record) ? { kind, record, name } : undefined;
    }
    case 'receipt':
      return { kind, pushId: rest };
    default:
      return undefined;
  }
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
