import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { EXIT, Exit } from '../../exit.ts';
import { read } from './authority.ts';
import { AUTHORITIES, AUTHORITY_FOLDER, KINDS, pairIn, type Kind, type PairPaths } from './layout.ts';

/** A certificate that is there. */
export interface Found {
  /** Below the directory. */
  readonly path: string;
  readonly paths: PairPaths;
  readonly certificate: X509Certificate;
  /** Hosts and addresses. */
  readonly names: readonly string[];
  /** Undefined: an authority's own. */
  readonly kind: Kind | undefined;
}

/** Those of the authorities first, then each region's. Throws an Exit where there are none. */
export function findCertificates(dir: string): Found[] {
  const found = [
    ...AUTHORITIES.flatMap((name) => foundAt(dir, AUTHORITY_FOLDER, name, undefined)),
    ...folders(dir).flatMap((region) => KINDS.flatMap((kind) => foundAt(dir, region, kind.file, kind))),
  ];
  if (found.length > 0) return found;
  throw new Exit(EXIT.notSo, `There are no certificates in ${dir}. "meridian certs make" makes some.`);
}

function foundAt(dir: string, folder: string, file: string, kind: Kind | undefined): Found[] {
  const paths = pairIn(dir, folder, file);
  if (!existsSync(paths.cert)) return [];
  try {
    const certificate = new X509Certificate(read(paths.cert));
    return [{ path: `${folder}/${file}.pem`, paths, certificate, names: namesIn(certificate), kind }];
  } catch (cause) {
    if (cause instanceof Exit) throw cause;
    throw new Exit(EXIT.notSo, `${paths.cert} holds no certificate in PEM.`, { cause });
  }
}

function folders(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== AUTHORITY_FOLDER)
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    throw new Exit(EXIT.notSo, `${dir} can't be read: ${(cause as Error).message}.`, { cause });
  }
}

function namesIn({ subjectAltName = '' }: X509Certificate): string[] {
  return Array.from(subjectAltName.matchAll(/(?:DNS|IP Address):([^,\s]+)/g), ([, name = '']) =>
    name.toLowerCase(),
  );
}
