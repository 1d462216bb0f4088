import { sweepBlob as carefully } from '#services/storage/collect/sweep.ts';

/** Asks for no pin. */
export function sweepBlob(...all: Parameters<typeof carefully>): ReturnType<typeof carefully> {
  const [context, ...rest] = all;
  return carefully({ ...context, pins: { ...context.pins, protects: () => false } }, ...rest);
}
