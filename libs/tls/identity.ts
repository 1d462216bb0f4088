/** Paths of PEM files for mutual TLS: who signs the others, and what this process shows. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a server shows to clients that show nothing themselves. */
export type KeyPairFiles = Omit<TlsFiles, 'ca'>;

/** In the subject of all certificates that `meridian certs` makes; the common name of a region's is the region. */
export const CERTIFICATE_ORGANIZATION = 'Meridian';

/** The files' contents. */
export type Pems<Files> = { readonly [File in keyof Files]: Buffer };

/** What is in the files, as it is now: they may be replaced while the process runs. */
export interface Renewed<Files> {
  current(): Pems<Files>;
  /** Calls `listener` with what came in the place of what was there; the answer ends that. */
  onRenewed(listener: (pems: Pems<Files>) => void): () => void;
}

/** For both sides of mutual TLS. */
export type TlsIdentity = Renewed<TlsFiles>;
export type TlsKeyPair = Renewed<KeyPairFiles>;
