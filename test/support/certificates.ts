import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TlsFiles } from '#libs/rpc/tls.ts';

const script = join(import.meta.dirname, '../../deploy/certs.sh');

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

if (!hasOpenssl && (process.env['MERIDIAN_TEST_REQUIRE'] ?? '').split(',').includes('openssl')) {
  throw new Error('MERIDIAN_TEST_REQUIRE asks for openssl, but there is none on the PATH.');
}

/** Makes an authority in `dir` and a certificate of its for each name, as operators do. */
export function makeCertificates<Name extends string>(
  dir: string,
  names: readonly Name[],
): Record<Name, TlsFiles> {
  execFileSync(script, [dir, ...names.map((name) => `${name}=localhost`)], { stdio: 'ignore' });
  const files = names.map((name) => {
    return [name, { ca: join(dir, 'ca.pem'), cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) }];
  });
  return Object.fromEntries(files) as Record<Name, TlsFiles>;
}
