import { join } from 'node:path';
import type { KeyPairFiles, TlsFiles } from '#libs/tls/identity.ts';
import { makeCertificates as make } from '#services/cli/commands/certs/make.ts';

/** What a region shows to its own services and to others, and besides that: */
export interface RegionCertificates extends TlsFiles {
  /** to clients, */
  readonly registry: KeyPairFiles;
  /** as a member of etcd, */
  readonly etcd: TlsFiles;
  /** and to etcd. */
  readonly etcdClient: TlsFiles;
}

/** Makes authorities in `dir`, and certificates of theirs for each name, as operators do with `meridian certs make`. */
export function makeCertificates<Name extends string>(
  dir: string,
  names: readonly Name[],
): Record<Name, RegionCertificates> {
  const regions = names.map((name) => ({ name, hosts: ['localhost'] }));
  make({ dir, regions, registry: [], days: 2, nowMs: Date.now() });
  const files = names.map((name) => {
    const pair = (file: string): KeyPairFiles => ({
      cert: join(dir, name, `${file}.pem`),
      key: join(dir, name, `${file}.key`),
    });
    const [ca, etcdCa] = [join(dir, name, 'ca.pem'), join(dir, name, 'etcd-ca.pem')];
    const etcd = { ca: etcdCa, ...pair('etcd') };
    const etcdClient = { ca: etcdCa, ...pair('etcd-client') };
    return [name, { ca, ...pair('region'), registry: pair('registry'), etcd, etcdClient }];
  });
  return Object.fromEntries(files) as Record<Name, RegionCertificates>;
}
