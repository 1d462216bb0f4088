import { setTimeout as pause } from 'node:timers/promises';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import {
  openRemoteRegion,
  type LivenessEvent,
  type PingedRegion,
  type RegionAddress,
  type RemoteRegion,
} from './remote-region.ts';

/** The other regions of the cluster. */
export interface PeerDirectory {
  /** All of them: live ones first, nearest first among these and among the rest. */
  nearestFirst(): readonly RemoteRegion[];
  find(region: string): RemoteRegion | undefined;
  /** False until the records name the own region: before that, nobody can say that no region has something. */
  isComplete(): boolean;
  /** Compares with the records again: connects to who came or moved, disconnects from who left. */
  refresh(): void;
  /** Calls `listener` with each region that has just answered a ping, at most once per ping. Gives the function back to stop. */
  onAnswer(listener: (region: string) => void): () => void;
  /** Pings everyone now; resolves when all have answered or timed out. */
  pingAll(): Promise<void>;
  /** Resolves when every other region has answered once, when `timeoutMs` are over, or when `signal` aborts. */
  untilMet(timeoutMs: number, signal: AbortSignal): Promise<void>;
  stop(): void;
}

export interface DirectoryOptions {
  /** This region, which its own record is left out for. */
  readonly region: string;
  /** The catalog's region records as they stand now. */
  readonly records: () => Iterable<RegionAddress>;
  readonly catalogId: () => string;
  readonly tls: TlsIdentity | undefined;
  readonly settings: {
    readonly pingIntervalMs: number;
    readonly awayPingIntervalMs: number;
    readonly pingsUntilLost: number;
    readonly askTimeoutMs: number;
    readonly linkConnections: number;
  };
  readonly onEvent: (event: LivenessEvent) => void;
  readonly onFault: (error: unknown) => void;
}

const MEET_POLL_MS = 20;

/** Connects to the other regions and keeps pinging them until `stop`. */
export function openPeerDirectory(options: DirectoryOptions): PeerDirectory {
  const { settings, onEvent } = options;
  const remotes = new Map<string, PingedRegion>();
  let complete = false;
  const stopped = new AbortController();
  const pinging = new Map<PingedRegion, Promise<void>>();
  const listeners = new Set<(region: string) => void>();

  const ping = (remote: PingedRegion): Promise<void> => {
    const running = pinging.get(remote) ?? pingOnce(remote).finally(() => pinging.delete(remote));
    pinging.set(remote, running);
    return running;
  };
  const pingOnce = async (remote: PingedRegion): Promise<void> => {
    const event = await remote.ping(stopped.signal);
    if (remotes.get(remote.region) !== remote) return;
    if (event !== undefined) onEvent(event);
    if (remote.answers) for (const listener of listeners) listener(remote.region);
  };

  const refresh = (): void => {
    if (stopped.signal.aborted) return;
    const records = new Map([...options.records()].map((record) => [record.region, record]));
    complete = records.delete(options.region);
    for (const [region, remote] of remotes) {
      const record = records.get(region);
      if (record?.endpoint === remote.endpoint) {
        remote.setState(record.state);
        continue;
      }
      remote.close();
      remotes.delete(region);
    }
    for (const [region, record] of records) {
      if (remotes.has(region)) continue;
      const remote = openRemoteRegion(
        { region, state: record.state, endpoint: record.endpoint },
        {
          ...{ ...settings, tls: options.tls, catalogId: options.catalogId, onFault: options.onFault },
          asking: options.region,
        },
      );
      remotes.set(region, remote);
      ping(remote).catch(options.onFault);
    }
  };

  const pingAll = async (): Promise<void> => {
    refresh();
    await Promise.all([...remotes.values()].map(ping));
  };
  const pingAway = async (): Promise<void> => {
    await Promise.all([...remotes.values()].filter((remote) => !remote.live || !isMet(remote)).map(ping));
  };
  const timers = [
    setInterval(() => void pingAll().catch(options.onFault), settings.pingIntervalMs),
    setInterval(() => void pingAway().catch(options.onFault), settings.awayPingIntervalMs),
  ];
  refresh();

  return {
    nearestFirst: () => [...remotes.values()].sort(byDistance),
    isComplete: () => complete,
    find: (region) => remotes.get(region),
    refresh,
    onAnswer: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    pingAll,
    untilMet: async (timeoutMs, signal) => {
      const over = AbortSignal.any([signal, stopped.signal, AbortSignal.timeout(timeoutMs)]);
      while (!over.aborted && ![...remotes.values()].every(isMet)) {
        await pause(MEET_POLL_MS, undefined, { signal: over }).catch(() => undefined);
      }
    },
    stop: () => {
      for (const timer of timers) clearInterval(timer);
      stopped.abort(new Error('The service stops.'));
      for (const remote of remotes.values()) remote.close();
      remotes.clear();
    },
  };
}

function isMet({ roundTripMs }: RemoteRegion): boolean {
  return Number.isFinite(roundTripMs);
}

function byDistance(a: RemoteRegion, b: RemoteRegion): number {
  if (a.live !== b.live) return a.live ? -1 : 1;
  if (a.roundTripMs !== b.roundTripMs) return a.roundTripMs - b.roundTripMs;
  return a.region < b.region ? -1 : 1;
}
