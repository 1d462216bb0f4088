import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import type { RegistryError } from '#libs/oci/errors.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import { peerContract } from '#libs/rpc/contracts.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import { makeCertificates, type RegionCertificates } from '#test/support/certificates.ts';
import { startRegionsElsewhere, type RegionsElsewhere } from '#test/support/regions-elsewhere.ts';

let regions: RegionsElsewhere;
let certificates: Record<'us' | 'eu' | 'ap', RegionCertificates>;

beforeAll(async () => {
  regions = await startRegionsElsewhere({ secured: true });
  // Those that the regions were started with: what is there is kept.
  certificates = makeCertificates(`${regions.scratch}/certificates`, ['us', 'eu', 'ap']);
});
afterAll(() => regions.stop());

it.each([
  ['its own', 'eu', 'eu', 'BLOB_UNKNOWN'],
  ["another's", 'eu', 'ap', 'DENIED'],
  ['none', 'eu', '', 'DENIED'],
] as const)(
  'a region is asked for bytes in %s name by one with a certificate',
  async (_, shown, claimed, expected) => {
    expect(await codeOfRead(shown, claimed)).toBe(expected);
  },
);

async function codeOfRead(shown: 'eu', claimed: string): Promise<string | undefined> {
  const channel = openRpcChannel({
    address: `localhost:${regions.us.addresses.peer.split(':')[1] ?? ''}`,
    tls: identityOf(certificates[shown]),
  });
  const digest = digestOf(Buffer.from('nobody has this'));
  try {
    const chunks = channel
      .client(peerContract)
      .read({ digest, offset: 0, length: 0, region: claimed }, { signal: AbortSignal.timeout(30_000) });
    for await (const _chunk of chunks) break;
    return undefined;
  } catch (error) {
    return (error as RegistryError).code;
  } finally {
    channel.close();
  }
}

function identityOf({ ca, cert, key }: RegionCertificates): TlsIdentity {
  const pems = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
  return { current: () => pems, onRenewed: () => () => undefined };
}
