import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { signCertificate, type CertificateOptions } from '#libs/x509/certificate.ts';
import { EXIT, Exit } from '../../exit.ts';
import { AUTHORITY_FOLDER, pairIn, type AuthorityName, type PairPaths } from './layout.ts';

export type Issuer = CertificateOptions['issuer'];

export const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Clocks of other machines may be behind. */
const BACKDATED_MS = 3_600_000;

/** Reads the authority, or makes it where there is none yet. */
export function openAuthority(dir: string, name: AuthorityName, nowMs: number): Issuer {
  const paths = pairIn(dir, AUTHORITY_FOLDER, name);
  if (existsSync(paths.cert)) return readAuthority(paths);
  mkdirSync(dirname(paths.cert), { recursive: true, mode: 0o700 });
  const what = name === 'ca' ? 'authority' : 'etcd authority';
  const issuer = { subject: `Meridian ${what} ${randomBytes(4).toString('hex')}`, ...keyAt(paths.key) };
  const content = { ...issuer, issuer, use: 'authority' } as const;
  writeCertificate(paths.cert, content, nowMs, AUTHORITY_DAYS);
  return issuer;
}

export function readAuthority(paths: PairPaths): Issuer {
  const subject = /^CN=(.+)$/m.exec(new X509Certificate(read(paths.cert)).subject)?.[1] ?? '';
  return { subject, ...readKey(paths.key) };
}

/** The key in a file that only its owner can read; made where there is none. */
export function keyAt(path: string): Pick<Issuer, 'privateKey' | 'publicKey'> {
  if (existsSync(path)) return readKey(path);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  return { privateKey, publicKey };
}

export function readKey(path: string): Pick<Issuer, 'privateKey' | 'publicKey'> {
  try {
    const privateKey = createPrivateKey(read(path));
    return { privateKey, publicKey: createPublicKey(privateKey) };
  } catch (cause) {
    if (cause instanceof Exit) throw cause;
    throw new Exit(EXIT.notSo, `${path} holds no private key in PEM, or one with a passphrase.`, { cause });
  }
}

type Content = Omit<CertificateOptions, 'serial' | 'notBefore' | 'notAfter'>;

/** In the place of one that is there, at once and whole. */
export function writeCertificate(path: string, content: Content, nowMs: number, days: number): void {
  const pem = signCertificate({
    ...content,
    serial: randomBytes(16),
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + days * DAY_MS),
  });
  writeFileSync(`${path}.new`, pem, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

/** Throws an Exit with a sentence. */
export function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Exit(EXIT.notSo, `${path} can't be read: ${(cause as Error).message}.`, { cause });
  }
}
