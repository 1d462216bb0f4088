import { join } from 'node:path';
import type { Role } from '#libs/x509/certificate.ts';

/*
 * authority/ca.pem, ca.key             signs what services and front ends show
 * authority/etcd-ca.pem, etcd-ca.key   signs what etcd and its clients show: who has one of these is nobody to Meridian's services
 * REGION/ca.pem, etcd-ca.pem           copies, to know the others by
 * REGION/region.pem, .key              the region's services, to each other and to other regions
 * REGION/registry.pem, .key            front ends, to clients
 * REGION/etcd.pem, .key                the region's member of etcd, to replication and to other members
 * REGION/etcd-client.pem, .key         replication, to etcd
 */

export const AUTHORITIES = ['ca', 'etcd-ca'] as const;
export type AuthorityName = (typeof AUTHORITIES)[number];
export const AUTHORITY_FOLDER = 'authority';

/** One of a region's certificates. */
export interface Kind {
  readonly file: string;
  readonly authority: AuthorityName;
  readonly as: readonly Role[];
  /** Whom it names: the region's hosts, what clients call the registry besides, or nobody who could be called. */
  readonly names: 'hosts' | 'registry' | 'none';
}

export const KINDS: readonly Kind[] = [
  { file: 'region', authority: 'ca', as: ['server', 'client'], names: 'hosts' },
  { file: 'registry', authority: 'ca', as: ['server'], names: 'registry' },
  { file: 'etcd', authority: 'etcd-ca', as: ['server', 'client'], names: 'hosts' },
  { file: 'etcd-client', authority: 'etcd-ca', as: ['client'], names: 'none' },
];

/** A certificate and its key. */
export interface PairPaths {
  readonly cert: string;
  readonly key: string;
}

export function pairIn(dir: string, folder: string, file: string): PairPaths {
  const path = join(dir, folder, file);
  return { cert: `${path}.pem`, key: `${path}.key` };
}
