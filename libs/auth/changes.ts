import { z } from 'zod';
import { RegistryError } from '#libs/oci/errors.ts';
import { printable } from '#libs/oci/quote.ts';
import { directorySettings, type DirectorySettings } from './directory.ts';
import { issuerUrl, people, personLogin, rule, type PersonLogin } from './issuer.ts';
import { MAX_RULES, MAX_SECRETS } from './limits.ts';
import { description, grants, groupNames } from './fields.ts';
import { passwordHash, secret } from './records.ts';

/*
 * What administrators ask the catalog to change, as JSON. A field that is missing stays as it is; null takes it away.
 */

/** Longest such JSON. */
export const MAX_CHANGE_BYTES = 64 * 1024;

const expiry = z.int().nonnegative().nullable().exactOptional();

const principalChange = z.strictObject({
  description: description.nullable().exactOptional(),
  groups: groupNames.exactOptional(),
  disabled: z.boolean().exactOptional(),
  expiresAtMs: expiry,
  /** A user's, hashed. */
  passwordHash: passwordHash.nullable().exactOptional(),
  /** A robot's. */
  addSecret: secret.pick({ id: true, sha256: true, expiresAtMs: true }).strict().exactOptional(),
  /** By their ids; those that are not there are gone already. */
  removeSecrets: z.array(z.string()).max(MAX_SECRETS).exactOptional(),
});

const tokenDetails = z.strictObject({
  description: description.exactOptional(),
  grants: grants.exactOptional(),
  expiresAtMs: z.int().nonnegative().exactOptional(),
});

const issuerChange = z.strictObject({
  /** Of one that is made; who has another is another issuer. */
  url: issuerUrl.exactOptional(),
  allowPrivate: z.boolean().exactOptional(),
  people: people.strict().nullable().exactOptional(),
  addRule: rule.omit({ id: true, robotId: true }).strict().exactOptional(),
  /** By their ids; those that are not there are gone already. */
  removeRules: z.array(z.string()).max(MAX_RULES).exactOptional(),
});

export type IssuerChange = z.infer<typeof issuerChange>;
export type PrincipalChange = z.infer<typeof principalChange>;
export type TokenDetails = z.infer<typeof tokenDetails>;

/** Throws REQUEST_INVALID that names the field. */
export function parsePrincipalChange(json: string): PrincipalChange {
  return parse(principalChange, json, 'The change of a user or robot');
}

/** Throws REQUEST_INVALID that names the field. */
export function parseIssuerChange(json: string): IssuerChange {
  return parse(issuerChange, json, 'The change of an issuer');
}

/** Throws REQUEST_INVALID that names the field. */
export function parsePersonLogin(json: string): PersonLogin {
  return parse(personLogin, json, 'What the issuer said of the person');
}

/** Throws REQUEST_INVALID that names the field. */
export function parseTokenDetails(json: string): TokenDetails {
  return parse(tokenDetails, json, 'What is said of the token');
}

/** Throws REQUEST_INVALID that names the field. */
export function parseDirectory(json: string): DirectorySettings {
  return parse(directorySettings, json, 'What is said of the directory');
}

/** Values are not repeated in messages: secrets' hashes may be among them. */
function parse<S extends z.ZodType>(schema: S, json: string, what: string): z.infer<S> {
  if (Buffer.byteLength(json) > MAX_CHANGE_BYTES) {
    throw invalid(`${what} has more than ${MAX_CHANGE_BYTES} bytes; make it smaller.`);
  }
  const parsed = schema.safeParse(readJson(json, what));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = printable(issue?.path.join('.') ?? '');
  const why = printable(issue?.message ?? 'it has another form');
  throw invalid(`${what} is not valid${field === '' ? '' : ` at ${field}`}: ${why}.`);
}

function readJson(json: string, what: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw invalid(`${what} should be a JSON object, but can't be parsed.`);
  }
}

function invalid(message: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', message);
}
