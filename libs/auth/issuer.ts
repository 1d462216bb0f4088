import { z } from 'zod';
import { isClaimPattern, type ClaimPattern } from './claim-pattern.ts';
import { grants, id, principalName, timeMs } from './fields.ts';
import {
  MAX_CLAIM_NAME,
  MAX_CONDITIONS,
  MAX_ISSUER_GROUPS,
  MAX_RULES,
  MAX_SESSION_MS,
  MAX_SUBJECT_LENGTH,
  MIN_SESSION_MS,
} from './limits.ts';
import { isGroupName, isPrincipalName, type GroupName, type PrincipalName } from './names.ts';

/*
 * Issuers of OpenID Connect: who else is believed about who someone is, and about whom. https://openid.net/specs/openid-connect-core-1_0.html
 */

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

export const issuerName = z
  .string()
  .regex(NAME, 'expected lower-case letters, digits and hyphens, at most 32');

/** As its tokens say it, to the letter. Whether it may be asked at all is for who asks it. */
export const issuerUrl = z
  .string()
  .max(512)
  .refine(isIssuerUrl, 'expected a URL such as https://login.example.net, without query or fragment');

const claimName = z.string().min(1).max(MAX_CLAIM_NAME);
const sessionMs = z.int().min(MIN_SESSION_MS).max(MAX_SESSION_MS);
const text = z.string().min(1).max(1024);

/** How people log in through it. */
export const people = z.object({
  clientId: text,
  clientSecret: text.exactOptional(),
  /** What is asked for besides `openid`. */
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/)).max(20),
  /** The claim that a person is named for when he first comes. */
  nameClaim: claimName,
  groupsClaim: claimName.exactOptional(),
  sessionMs,
});

/** What a machine's token must say, and as which robot it counts then. */
export const rule = z.object({
  id,
  audience: text,
  /** All must hold. */
  claims: z
    .array(z.object({ claim: claimName, pattern: z.custom<ClaimPattern>(isClaimPattern) }))
    .min(1)
    .max(MAX_CONDITIONS),
  robot: principalName,
  /** Of the robot that is meant, not of a later one of that name. */
  robotId: id,
  /** None: everything that the robot may. */
  grants: grants.exactOptional(),
  sessionMs,
});

export const issuerRecord = z.object({
  id,
  url: issuerUrl,
  /** It may be asked although it is in a private network. */
  allowPrivate: z.boolean(),
  /** Encrypts what its logins carry through people's browsers. */
  sealingKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  people: people.exactOptional(),
  rules: z.array(rule).max(MAX_RULES),
  createdAtMs: timeMs,
});

/** What an issuer said of a person who has just logged in through it. */
export const personLogin = z.strictObject({
  subject: z.string().min(1).max(MAX_SUBJECT_LENGTH),
  name: z.custom<PrincipalName>((value) => typeof value === 'string' && isPrincipalName(value)),
  groups: z
    .array(z.custom<GroupName>((value) => typeof value === 'string' && isGroupName(value)))
    .max(MAX_ISSUER_GROUPS),
});

export type People = z.infer<typeof people>;
export type Rule = z.infer<typeof rule>;
export type IssuerRecord = z.infer<typeof issuerRecord>;
export type PersonLogin = z.infer<typeof personLogin>;

/** People and groups of an issuer bear its name, so that none can be taken for one of the registry's own. */
export function nameOfPerson(issuer: string, said: string): string {
  const name = said
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._@+-]+/g, '-');
  return `${issuer}+${name}`;
}

export function nameOfGroup(issuer: string, said: string): string {
  return `${issuer}/${said.replace(/^\/+/, '')}`;
}

/** Whether the name is one that people of the issuer have. */
export function isNameOf(issuer: string, name: string): boolean {
  return name.startsWith(`${issuer}+`);
}

function isIssuerUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || !['https:', 'http:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && !/[?#\s\\]/.test(value);
}
