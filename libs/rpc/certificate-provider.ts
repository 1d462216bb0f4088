import type { experimental } from '@grpc/grpc-js';
import type { Pems, TlsFiles, TlsIdentity } from '#libs/tls/identity.ts';

type Listener = (pems: Pems<TlsFiles>) => void;

/** An identity as grpc-js follows it: connections that are made after a renewal use what is new, and the others go on. */
export function certificateProvider(tls: TlsIdentity): experimental.CertificateProvider {
  const following = new Map<object, () => void>();
  const follow = (who: object, listener: Listener): void => {
    following.set(who, tls.onRenewed(listener));
    // grpc-js misses what it is told before it has been given back control.
    process.nextTick(() => {
      if (following.has(who)) listener(tls.current());
    });
  };
  const leave = (who: object): void => {
    following.get(who)?.();
    following.delete(who);
  };
  return {
    addCaCertificateListener: (tell) => follow(tell, ({ ca }) => tell({ caCertificate: ca })),
    removeCaCertificateListener: leave,
    addIdentityCertificateListener: (tell) =>
      follow(tell, ({ cert, key }) => tell({ certificate: cert, privateKey: key })),
    removeIdentityCertificateListener: leave,
  };
}
