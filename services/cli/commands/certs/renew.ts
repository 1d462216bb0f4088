import { DAY_MS, readAuthority, readKey, writeCertificate } from './authority.ts';
import { findCertificates } from './found.ts';
import { AUTHORITY_FOLDER, pairIn } from './layout.ts';

export interface RenewOptions {
  readonly dir: string;
  /** Those that end within so many days. */
  readonly withinDays: number;
  readonly days: number;
  readonly nowMs: number;
}

/** Signs anew, for the same keys and names, what is near its end; gives the certificates' paths. Authorities are not renewed. */
export function renewCertificates({ dir, withinDays, days, nowMs }: RenewOptions): string[] {
  const renewed: string[] = [];
  for (const { path, paths, certificate, names, kind } of findCertificates(dir)) {
    if (kind === undefined || certificate.validToDate.getTime() > nowMs + withinDays * DAY_MS) continue;
    const issuer = readAuthority(pairIn(dir, AUTHORITY_FOLDER, kind.authority));
    const { publicKey } = readKey(paths.key);
    const subject = /^CN=(.+)$/m.exec(certificate.subject)?.[1] ?? '';
    writeCertificate(paths.cert, { subject, publicKey, issuer, use: { names, as: kind.as } }, nowMs, days);
    renewed.push(path);
  }
  return renewed;
}
