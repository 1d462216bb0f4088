import { createHash, sign, type KeyObject } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';
import { CERTIFICATE_ORGANIZATION } from '#libs/tls/identity.ts';
import { bits, integer, numbered, objectIdentifier, octets, sequence, set, time, TRUE, utf8 } from './der.ts';

/** A certificate's content; keys are on the curve P-256. */
export interface CertificateOptions {
  /** The subject's common name. */
  readonly subject: string;
  readonly publicKey: KeyObject;
  /** The authority; of its own certificate, itself. */
  readonly issuer: {
    readonly subject: string;
    readonly publicKey: KeyObject;
    readonly privateKey: KeyObject;
  };
  /** Sixteen random bytes. */
  readonly serial: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** What the certificate is for: to sign others, or to be shown by whoever has one of the names. */
  readonly use: 'authority' | { readonly names: readonly string[]; readonly as: readonly Role[] };
}

export type Role = 'server' | 'client';

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const ROLES: Readonly<Record<Role, string>> = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };

/** An X.509 certificate in PEM. https://www.rfc-editor.org/rfc/rfc5280#section-4.1 */
export function signCertificate(options: CertificateOptions): string {
  const { subject, publicKey, issuer, serial, notBefore, notAfter } = options;
  const content = sequence(
    numbered(0, 'constructed', integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_WITH_SHA256,
    nameOf(issuer.subject),
    sequence(time(notBefore), time(notAfter)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    numbered(3, 'constructed', sequence(...extensionsOf(options))),
  );
  const certificate = sequence(
    content,
    ECDSA_WITH_SHA256,
    bits(sign('sha256', content, { key: issuer.privateKey, dsaEncoding: 'der' })),
  );
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1 */
function extensionsOf({ use, publicKey, issuer }: CertificateOptions): Buffer[] {
  const own = extension('2.5.29.14', octets(keyId(publicKey)));
  if (use === 'authority') {
    const noOthersBelow = integer(Buffer.alloc(1));
    return [
      extension('2.5.29.19', sequence(TRUE, noOthersBelow), 'critical'),
      // keyCertSign and cRLSign.
      extension('2.5.29.15', bits(Buffer.from([0b0000_0110]), 1), 'critical'),
      own,
    ];
  }
  return [
    extension('2.5.29.19', sequence(), 'critical'),
    // digitalSignature.
    extension('2.5.29.15', bits(Buffer.from([0b1000_0000]), 7), 'critical'),
    extension('2.5.29.37', sequence(...use.as.map((role) => objectIdentifier(ROLES[role])))),
    ...(use.names.length === 0 ? [] : [extension('2.5.29.17', sequence(...use.names.map(alternativeName)))]),
    own,
    extension('2.5.29.35', sequence(numbered(0, 'plain', keyId(issuer.publicKey)))),
  ];
}

function extension(id: string, value: Buffer, weight?: 'critical'): Buffer {
  return sequence(objectIdentifier(id), ...(weight === undefined ? [] : [TRUE]), octets(value));
}

/** The organization, the same in all, and the common name. */
function nameOf(commonName: string): Buffer {
  const part = (id: string, text: string): Buffer => set(sequence(objectIdentifier(id), utf8(text)));
  return sequence(part('2.5.4.10', CERTIFICATE_ORGANIZATION), part('2.5.4.3', commonName));
}

function alternativeName(name: string): Buffer {
  return isIP(name) === 0
    ? numbered(2, 'plain', Buffer.from(name))
    : numbered(7, 'plain', addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // Written in its shortest form, so that `::` stands for all groups that are missing.
  const { address: short } = new SocketAddress({ address, family: 'ipv6' });
  const [head = '', tail] = short.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const [left, right] = [head === '' ? [] : head, tail ?? []];
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** https://www.rfc-editor.org/rfc/rfc7093#section-2 */
function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}
