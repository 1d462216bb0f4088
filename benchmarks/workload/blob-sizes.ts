const KB = 1_000;
const MB = 1_000_000;

/** Of the blobs of published traces: so many of a hundred lie between these sizes, evenly by the logarithm. */
export const SIZE_CLASSES = [
  { share: 0.65, from: KB, to: MB },
  { share: 0.15, from: MB, to: 10 * MB },
  { share: 0.18, from: 10 * MB, to: 100 * MB },
  { share: 0.02, from: 100 * MB, to: 1_000 * MB },
] as const;

/** The size of a blob in bytes, as in the traces that IBM published of its registries (Anwar and others, FAST '18). */
export function blobSize(random: () => number): number {
  const place = random();
  let below = 0;
  for (const { share, from, to } of SIZE_CLASSES) {
    below += share;
    if (place < below) return logUniform(random, from, to);
  }
  return logUniform(random, 100 * MB, 1_000 * MB);
}

/** A whole number whose logarithm is as likely to be anywhere between those of the two. */
export function logUniform(random: () => number, from: number, to: number): number {
  return Math.round(from * (to / from) ** random());
}
