import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { RegistryError } from '#libs/oci/errors.ts';

/** Shortest password; NIST SP 800-63B asks for eight at least, and we give no other rules, as it asks. */
export const MIN_PASSWORD_LENGTH = 10;
/** Longest, in bytes of UTF-8. */
export const MAX_PASSWORD_BYTES = 1_024;

/** One of OWASP's equal choices: 32 MiB for each that is being hashed. */
const COST = { N: 2 ** 15, r: 8, p: 3 };
/** What a stored hash may at most ask for. */
const MAX_COST = { N: 2 ** 17, r: 8, p: 8 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const FORMAT = /^scrypt\$(\d{1,6})\$(\d)\$(\d)\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/;

interface ParsedHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const derive = promisify<Buffer, Buffer, number, object, Buffer>(scrypt);

/** `scrypt$N$r$p$salt$hash`. Takes a thread for a tenth of a second or more. Throws REQUEST_INVALID for a password of a wrong length. */
export async function hashPassword(password: string): Promise<string> {
  if (password.length < MIN_PASSWORD_LENGTH || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new RegistryError(
      'REQUEST_INVALID',
      `The password has ${password.length} characters; expected at least ${MIN_PASSWORD_LENGTH}, and at most ${MAX_PASSWORD_BYTES} bytes.`,
    );
  }
  const salt = randomBytes(SALT_BYTES);
  const hash = await hashed(password, { ...COST, salt });
  return formatHash({ ...COST, salt, hash });
}

/**
 * Whether the password is the one that was hashed. Takes as long where there is no hash, so that nobody learns whether there is such a user.
 * Whoever calls keeps the number of calls under way low.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const parsed = parseHash(stored ?? NO_HASH) ?? NO_PASSWORD;
  const tried = Buffer.byteLength(password) > MAX_PASSWORD_BYTES ? '' : password;
  const same = timingSafeEqual(await hashed(tried, parsed), parsed.hash);
  return same && stored !== undefined && parsed !== NO_PASSWORD && tried !== '';
}

export function isPasswordHash(text: string): boolean {
  return parseHash(text) !== undefined;
}

/** Costs what any hash does and is no password's. */
const NO_PASSWORD: ParsedHash = { ...COST, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
const NO_HASH = formatHash(NO_PASSWORD);

function formatHash({ N, r, p, salt, hash }: ParsedHash): string {
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

function parseHash(text: string): ParsedHash | undefined {
  const [, N, r, p, salt = '', hash = ''] = FORMAT.exec(text) ?? [];
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const isPower = cost.N > 1 && Number.isInteger(Math.log2(cost.N));
  const fits =
    cost.N <= MAX_COST.N && cost.r >= 1 && cost.r <= MAX_COST.r && cost.p >= 1 && cost.p <= MAX_COST.p;
  if (!isPower || !fits) return undefined;
  return { ...cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

function hashed(password: string, { N, r, p, salt }: Omit<ParsedHash, 'hash'>): Promise<Buffer> {
  // Normalized, so that the same letters typed on another machine are the same bytes.
  const bytes = Buffer.from(password.normalize('NFKC'));
  return derive(bytes, salt, HASH_BYTES, { N, r, p, maxmem: 2 * 128 * N * r });
}
