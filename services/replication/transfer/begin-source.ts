import { RegistryError } from '#libs/oci/errors.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';
import type { OnPeerBytes } from '#libs/telemetry/metrics/replication.ts';
import { unlessStalled } from '../peers/unless-stalled.ts';
import type { LinkShares } from './link-shares.ts';
import { sentenceOf, type Refusals } from './no-source.ts';

/** What is wanted of a blob, and of whom. */
export interface SourceRequest {
  readonly digest: string;
  /** Copies of another size are none of this blob. Undefined: not known. */
  readonly size: number | undefined;
  readonly offset: number;
  /** 0: up to the end. */
  readonly length: number;
  /** Known to hold it, so asked first. */
  readonly prefer?: string;
  /** Not asked at all, respectively only when nobody else has it. */
  readonly guilty: ReadonlySet<string>;
  readonly doubtful: ReadonlySet<string>;
  /**
   * Whether a copy that is still arriving at the other region will do. Only for copies that have not begun here yet: two
   * regions that follow each other would wait for ever.
   */
  readonly mayFollow: boolean;
  /** And how many bytes may have to arrive there before those at the offset; undefined: any number. */
  readonly maxAhead?: number;
  /** On one of the connections for much, which need not be open yet. */
  readonly inBulk?: () => boolean;
  /** How urgent it is by now; undefined: 0, as what a client waits for. */
  readonly rank?: () => number;
}

/** A region that has begun to send. */
export interface Source {
  readonly region: string;
  /** From the asked offset. Throws when the region fails or stalls; may be shorter than asked when it is cut off. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Ends the stream where `chunks` was not read to its end. */
  close(): Promise<void>;
}

export interface StreamOptions {
  readonly settings: { readonly askTimeoutMs: number; readonly stallTimeoutMs: number };
  readonly shares: LinkShares;
  readonly onPeerBytes: OnPeerBytes;
}

/** Opens the stream and waits for its first bytes; undefined when there are none to be had, and why in `refusals`. */
export async function beginSource(
  { region, peer, lanes }: RemoteRegion,
  { digest, offset, length, mayFollow, maxAhead, inBulk = () => false, rank = () => 0 }: SourceRequest,
  { settings, shares, onPeerBytes }: StreamOptions,
  signal: AbortSignal,
  refusals: Refusals,
): Promise<Source | undefined> {
  // A region that only may have it keeps nobody from asking the next one for long.
  const over = await shares.admit(region, { bytes: length, rank }, signal);
  // By now a client may have come to wait for it.
  const isBulk = inBulk();
  const ended = new AbortController();
  const near = maxAhead === undefined ? {} : { maxAhead };
  const asked = { digest, offset, length, background: rank() > 0, ...near };
  const firstTimeoutMs = mayFollow ? settings.askTimeoutMs : settings.stallTimeoutMs;
  const stream = unlessStalled(
    region,
    {
      signal: AbortSignal.any([signal, ended.signal]),
      firstTimeoutMs,
      stallTimeoutMs: settings.stallTimeoutMs,
      ...(isBulk ? { heardAt: () => lanes.heardAt() } : {}),
    },
    (limited) => (isBulk ? lanes : peer).read(asked, { signal: limited }),
  );
  try {
    const first = await stream.next();
    return {
      region,
      chunks: counted(first, stream, (bytes) => onPeerBytes(region, 'received', bytes), over),
      close: async () => {
        over();
        ended.abort(new Error('The copy needs no more.'));
        await stream.return();
      },
    };
  } catch (error) {
    over();
    signal.throwIfAborted();
    const code = error instanceof RegistryError ? error.code : undefined;
    if (code === 'RANGE_INVALID') throw error;
    if (code !== 'BLOB_UNKNOWN') refusals.set(region, sentenceOf(error));
    return undefined;
  }
}

async function* counted(
  first: IteratorResult<Buffer, void>,
  rest: AsyncGenerator<Buffer, void, undefined>,
  count: (bytes: number) => void,
  over: () => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (let step = first; step.done !== true; step = await rest.next()) {
      count(step.value.length);
      yield step.value;
    }
  } finally {
    over();
    await rest.return();
  }
}
