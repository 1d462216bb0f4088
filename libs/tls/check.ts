import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '#libs/config/errors.ts';
import type { KeyPairFiles, Pems, TlsFiles } from './identity.ts';

/** Files that are used together, with an authority or without. */
export type TlsFileSet = KeyPairFiles | TlsFiles;

/** Throws a ConfigError unless the files can be used together. No part of a key is ever in its sentences. */
export function requireUsable(files: TlsFileSet, pems: Pems<TlsFileSet>): void {
  const certificate = certificateIn(files.cert, pems.cert);
  if (!certificate.checkPrivateKey(keyIn(files.key, pems.key)))
    throw wrong(`The key in ${files.key} does not belong to the certificate in ${files.cert}.`);
  if ('ca' in files && 'ca' in pems) certificateIn(files.ca, pems.ca);
  try {
    createSecureContext(pems);
  } catch (cause) {
    throw wrong(`${files.cert} and ${files.key} can't be used for TLS: ${(cause as Error).message}.`);
  }
}

/** Throws a ConfigError unless the certificate is valid at this time. */
export function requireValid(files: TlsFileSet, pems: Pems<TlsFileSet>, nowMs: number): void {
  const { validFromDate: from, validToDate: to } = certificateIn(files.cert, pems.cert);
  if (nowMs >= to.getTime())
    throw wrong(`The certificate in ${files.cert} is no longer valid, since ${to.toISOString()}.`);
  if (nowMs < from.getTime())
    throw wrong(`The certificate in ${files.cert} is not valid before ${from.toISOString()}.`);
}

function certificateIn(path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw wrong(`${path} holds no certificate in PEM.`);
  }
}

function keyIn(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw wrong(`${path} holds no private key in PEM, or one with a passphrase.`);
  }
}

function wrong(sentence: string): ConfigError {
  return new ConfigError([sentence]);
}
