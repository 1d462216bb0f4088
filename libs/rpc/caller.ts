import type { ServerUnaryCall } from '@grpc/grpc-js';
import { CERTIFICATE_ORGANIZATION } from '#libs/tls/identity.ts';

/** The region that the caller's certificate is of, if it names one as `meridian certs` does: its common name, of our organization. */
export function regionOfCaller(
  call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>,
): string | undefined {
  const subject = call.getAuthContext().sslPeerCertificate?.subject;
  if (subject?.O !== CERTIFICATE_ORGANIZATION) return undefined;
  return typeof subject.CN === 'string' ? subject.CN : undefined;
}
