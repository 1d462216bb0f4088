import { sweepBlob as carefully } from '#services/storage/collect/sweep.ts';

/** Takes no account of the epochs of pins. */
export function sweepBlob(...all: Parameters<typeof carefully>): ReturnType<typeof carefully> {
  const [context, digest, { graceMs }] = all;
  return carefully(context, digest, { graceMs, epoch: Infinity });
}
