import { RegistryError } from '#libs/oci/errors.ts';

/** What a request's Authorization header holds; nothing of it has been checked but its form. */
export type Credentials =
  | { readonly scheme: 'none' }
  | { readonly scheme: 'basic'; readonly name: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string };

/** Longer names and secrets than anyone can have are not looked at; tokens of machines are long. */
const MAX_BASIC_BYTES = 9 * 1024;
const MAX_TOKEN_BYTES = 8 * 1024;

/** One for all: making it takes longer than its work. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const SCHEME = /^(?<scheme>[A-Za-z]{1,16}) +(?<value>\S+)$/;
/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/;
// eslint-disable-next-line no-control-regex -- RFC 7617 admits no control characters
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Reads an Authorization header. Throws UNAUTHORIZED for what is neither Basic nor Bearer, or not as these are written: several headers
 * that were joined are not, so none of two that disagree is believed.
 * https://www.rfc-editor.org/rfc/rfc7617
 */
export function readCredentials(header: string | undefined): Credentials {
  if (header === undefined) return { scheme: 'none' };
  const { scheme = '', value = '' } = SCHEME.exec(header)?.groups ?? {};
  switch (scheme.toLowerCase()) {
    case 'basic':
      return readBasic(value);
    case 'bearer':
      if (value.length > MAX_TOKEN_BYTES || !TOKEN68.test(value)) throw malformed('Bearer token');
      return { scheme: 'bearer', token: value };
    default:
      throw malformed('Authorization header');
  }
}

function readBasic(value: string): Credentials {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length > MAX_BASIC_BYTES || !isSpellingOf(value, bytes)) throw malformed('Basic credentials');
  const text = decode(bytes);
  const colon = text.indexOf(':');
  if (colon === -1 || CONTROL.test(text)) throw malformed('Basic credentials');
  return { scheme: 'basic', name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Base64 with its padding or without; Node's decoder overlooks anything else. */
function isSpellingOf(value: string, bytes: Buffer): boolean {
  const exact = bytes.toString('base64');
  return value === exact || value === exact.replace(/=+$/, '');
}

function decode(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw malformed('Basic credentials');
  }
}

/** What came is not repeated: it may be a secret. */
function malformed(what: string): RegistryError {
  return new RegistryError(
    'UNAUTHORIZED',
    `The request's ${what} can't be read; expected "Authorization: Basic" with a name and password or token, or "Bearer" with a token of this registry.`,
  );
}
