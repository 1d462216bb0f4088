import { ConfigError } from '#libs/config/errors.ts';

/** Why a service did not start, in sentences that whoever started it can act on. */
export function startFailure(error: unknown): string {
  if (error instanceof ConfigError) return `the configuration is wrong.\n  ${error.problems.join('\n  ')}`;
  const { code, path, message } = error as NodeJS.ErrnoException;
  const at = address(error as NodeJS.ErrnoException);
  switch (code ?? /\bE[A-Z]{4,}\b/.exec(message)?.[0]) {
    case 'EADDRINUSE':
      return `${at} is taken by another process. Stop that one, or choose another port.`;
    case 'EADDRNOTAVAIL':
      return `${at} is no address of this machine. Choose one that is.`;
    case 'EACCES':
    case 'EPERM':
      return path === undefined
        ? `listening at ${at} is not permitted. Choose a port above 1023.`
        : `${path} can't be written: permission denied. Give this user the right, or choose another directory.`;
    case 'EROFS':
      return `${path ?? 'the data directory'} can't be written: its file system is read-only. Choose another directory.`;
    case 'ENOSPC':
      return `${path ?? 'the data directory'} can't be written: no space is left on the device.`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${path ?? 'the data directory'} can't be made: a file of that name is in the way.`;
    default:
      return `could not start: ${reasons(error)}`;
  }
}

/** Node's listen errors carry the address; gRPC's only tell it in their message. */
function address({ message, ...error }: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  if (error.port !== undefined)
    return `port ${error.port}${error.address === undefined ? '' : ` (${error.address})`}`;
  const told = /(\S+):(\d+)[\s\])]*$/.exec(message);
  return told === null ? 'the address' : `port ${told[2] ?? ''} (${told[1] ?? ''})`;
}

function reasons(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasons).join('; ');
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reasons(error.cause)})`;
}
