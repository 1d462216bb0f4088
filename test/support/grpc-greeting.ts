import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { KeyPairFiles } from '#libs/tls/identity.ts';

/** Whether a server takes an HTTP/2 request, which is what gRPC sends, of whoever shows this certificate. */
export async function greeting(
  address: string,
  ca: string,
  shown: KeyPairFiles | undefined,
): Promise<'answered' | 'refused'> {
  return (await greet(address, ca, shown)) === undefined ? 'refused' : 'answered';
}

/** The serial number of the certificate of a server that takes such a request; undefined where it takes none. */
export function greet(
  address: string,
  ca: string,
  shown: KeyPairFiles | undefined,
): Promise<string | undefined> {
  const pair = shown === undefined ? {} : { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
  return new Promise((resolve) => {
    const session = connect(`https://localhost:${address.split(':')[1] ?? ''}`, {
      ca: readFileSync(ca),
      ...pair,
    });
    const settle = (outcome: () => string | undefined) => (): void => {
      resolve(outcome());
      session.destroy();
    };
    const refused = settle(() => undefined);
    session.on('error', refused).on('close', refused);
    const request = session.request({
      ':method': 'POST',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const serial = settle(() => (session.socket as TLSSocket).getPeerCertificate().serialNumber);
    request.on('response', serial).on('error', refused);
    request.end();
  });
}
