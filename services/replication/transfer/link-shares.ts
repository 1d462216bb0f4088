import { createLink, type Link, type LinkLimits, type Want } from './link.ts';

/** Divides the way from each other region here among those who ask for bytes there. */
export interface LinkShares {
  /** Looks again at who waits: a client has come to wait for what was asked for by nobody. */
  reconsider(): void;
  /** Waits until it may be asked for. What it gives is to be called when the bytes have come, or will not; twice does no harm. */
  admit(region: string, want: Want, signal: AbortSignal): Promise<() => void>;
}

export interface LinkShareOptions {
  /** In Mbit/s, by region: of all that comes from there, and of what no client waits for. */
  readonly linkLimits: Readonly<Record<string, number>>;
  readonly backgroundLimits: Readonly<Record<string, number>>;
}

const BYTES_PER_MS_OF_A_MBIT = 125;

/** `now` is monotonic, in milliseconds. */
export function createLinkShares(
  { linkLimits, backgroundLimits }: LinkShareOptions,
  now: () => number,
): LinkShares {
  const links = new Map<string, Link>();
  const limitsOf = (region: string): LinkLimits => ({
    all: bytesPerMs(linkLimits[region]),
    background: bytesPerMs(backgroundLimits[region]),
  });
  return {
    reconsider: () => {
      for (const link of links.values()) link.reconsider();
    },
    admit: (region, want, signal) => {
      const link = links.get(region) ?? createLink(limitsOf(region), now);
      links.set(region, link);
      return link.admit(want, signal);
    },
  };
}

function bytesPerMs(mbit: number | undefined): number | undefined {
  return mbit === undefined ? undefined : mbit * BYTES_PER_MS_OF_A_MBIT;
}
