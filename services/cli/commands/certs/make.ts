import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { keyAt, openAuthority, writeCertificate } from './authority.ts';
import { AUTHORITIES, AUTHORITY_FOLDER, KINDS, pairIn, type Kind } from './layout.ts';

export interface NewRegion {
  readonly name: string;
  /** Hosts and addresses by which its services are called. */
  readonly hosts: readonly string[];
}

export interface MakeOptions {
  readonly dir: string;
  readonly regions: readonly NewRegion[];
  /** Hosts by which clients call the registry, besides those of the region. */
  readonly registry: readonly string[];
  readonly days: number;
  readonly nowMs: number;
}

/** The name by which etcd knows replication, where it tells its users by their certificates. */
const ETCD_USER = 'meridian';
const LOCAL = ['localhost', '127.0.0.1'];

/** Makes what is not there yet, and gives the certificates' paths below the directory. */
export function makeCertificates({ dir, regions, registry, days, nowMs }: MakeOptions): string[] {
  const made: string[] = [];
  const issuers = Object.fromEntries(
    AUTHORITIES.map((name) => {
      if (!existsSync(pairIn(dir, AUTHORITY_FOLDER, name).cert)) made.push(`${AUTHORITY_FOLDER}/${name}.pem`);
      return [name, openAuthority(dir, name, nowMs)] as const;
    }),
  );
  for (const { name: region, hosts } of regions) {
    mkdirSync(join(dir, region), { recursive: true, mode: 0o755 });
    for (const name of AUTHORITIES) {
      const copy = pairIn(dir, region, name).cert;
      if (!existsSync(copy)) copyFileSync(pairIn(dir, AUTHORITY_FOLDER, name).cert, copy);
    }
    for (const { file, authority, as, names } of KINDS) {
      const paths = pairIn(dir, region, file);
      if (existsSync(paths.cert)) continue;
      const issuer = issuers[authority];
      if (issuer === undefined) throw new Error(`There is no authority ${authority}.`);
      const { publicKey } = keyAt(paths.key);
      const use = { names: namesOf(names, hosts, registry), as };
      const subject = file === 'etcd-client' ? ETCD_USER : region;
      writeCertificate(paths.cert, { subject, publicKey, issuer, use }, nowMs, days);
      made.push(`${region}/${file}.pem`);
    }
  }
  return made;
}

function namesOf(whose: Kind['names'], hosts: readonly string[], registry: readonly string[]): string[] {
  if (whose === 'none') return [];
  return [...new Set([...LOCAL, ...hosts, ...(whose === 'registry' ? registry : [])])];
}
