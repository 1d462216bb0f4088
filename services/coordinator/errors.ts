import { StatusError } from '#libs/rpc/errors.ts';

/** etcd's own codes and texts, which its clients match word by word. https://github.com/etcd-io/etcd/blob/main/api/v3rpc/rpctypes/error.go */
export const etcdError = {
  emptyKey: () => new StatusError('INVALID_ARGUMENT', 'etcdserver: key is not provided'),
  duplicateKey: () => new StatusError('INVALID_ARGUMENT', 'etcdserver: duplicate key given in txn request'),
  tooManyOperations: () =>
    new StatusError('INVALID_ARGUMENT', 'etcdserver: too many operations in txn request'),
  tooLarge: () => new StatusError('INVALID_ARGUMENT', 'etcdserver: request is too large'),
  tooManyRequests: () => new StatusError('RESOURCE_EXHAUSTED', 'etcdserver: too many requests'),
  compacted: () => new StatusError('OUT_OF_RANGE', 'etcdserver: mvcc: required revision has been compacted'),
  futureRevision: () =>
    new StatusError('OUT_OF_RANGE', 'etcdserver: mvcc: required revision is a future revision'),
  leaseNotFound: () => new StatusError('NOT_FOUND', 'etcdserver: requested lease not found'),
  leaseExists: () => new StatusError('FAILED_PRECONDITION', 'etcdserver: lease already exists'),
  leaseTooLong: () => new StatusError('OUT_OF_RANGE', 'etcdserver: too large lease TTL'),
  stopped: () => new StatusError('UNAVAILABLE', 'etcdserver: server stopped'),
};

/** For what real etcd can do and the coordinator can't. */
export function unsupported(what: string): StatusError {
  return new StatusError(
    'UNIMPLEMENTED',
    `The embedded coordinator does not support ${what}; use etcd itself for that.`,
  );
}

/** For a commit that the disk refused. */
export function notCommitted(cause: unknown): StatusError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StatusError(
    'UNAVAILABLE',
    `The coordinator could not commit to its disk (${reason}). Check its data directory's space and health.`,
    { cause },
  );
}
