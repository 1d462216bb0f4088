import { RegistryError } from '#libs/oci/errors.ts';
import type { Quorum } from '#types/meridian/v1/Quorum.ts';
import type { RegionLag } from '#types/meridian/v1/RegionLag.ts';
import type { RegionStanding } from '#types/meridian/v1/RegionStanding.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import type { Handler } from '../http/context.ts';
import { tellPosition } from '../http/freshness.ts';
import { shownScrub } from './shown-scrub.ts';
import { shownDrain } from './shown-drain.ts';

/** What other regions and etcd may take to answer; who does not is told of with what is known here. */
const ASK_TIMEOUT_MS = 2_000;

/** The cluster as this region sees it. Answers whoever is away: what can't be had is told so. */
export function readStatus({ catalog, operations, placement, settings, region: own }: Frontend): Handler {
  return async (ctx) => {
    const { signal } = ctx.state;
    const limited = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]);
    const status = await catalog.status({}, { signal });
    const standings: RegionStanding[] = [];
    const [quorum, ...regions] = await Promise.all([
      operations.getQuorum({}, { signal: limited() }).then(shownQuorum, unreachable),
      ...status.regions.map(async (known) => {
        const { region } = known;
        const asked = await operations.getStanding({ region }, { signal: limited() }).catch(unreachable);
        if ('unreachable' in asked) return { ...shownLag(known, own), ...asked };
        standings.push(asked);
        const drain =
          asked.state === 'draining'
            ? await operations.getDrain({ region }, { signal: limited() }).then(shownDrain, () => undefined)
            : undefined;
        return {
          ...shownStanding(known, own, asked, status.position?.revision ?? 0),
          ...(drain && { drain }),
        };
      }),
    ]);
    signal.throwIfAborted();
    const { rules, repositories } = placement.shown();
    tellPosition(ctx, status.position, settings);
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, {
      region: own,
      catalogId: status.position?.catalogId ?? '',
      head: status.position?.revision ?? 0,
      stalenessMs: status.position?.stalenessMs ?? 0,
      // As this region knows; null while it can't.
      underReplicated: standings.find(({ region }) => region === own)?.underReplicated ?? null,
      quorum,
      placements: rules,
      placedRepositories: repositories,
      regions,
    });
  };
}

function unreachable(error: unknown): { unreachable: string } {
  if (error instanceof RegistryError) return { unreachable: error.message };
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return { unreachable: `No answer came within ${ASK_TIMEOUT_MS} ms.` };
  }
  throw error;
}

function shownQuorum({ embedded, version, members, sizeBytes }: Quorum): object {
  return {
    embedded,
    version,
    sizeBytes,
    leader: members.find(({ leader }) => leader)?.name ?? null,
    members: members.map(({ leader: _leader, ...member }) => member),
  };
}

function shownLag({ region, state, live, roundTripMs }: RegionLag, own: string): object {
  return {
    region,
    state,
    live,
    ...(region === own ? {} : { roundTripMs: Math.round(10 * roundTripMs) / 10 }),
  };
}

function shownStanding(known: RegionLag, own: string, standing: RegionStanding, head: number): object {
  const { position, filling, regions, compared, state, ...others } = standing;
  const { region: _region, copiesWanted: _copies, underReplicated: _few, scrub, ...counts } = others;
  return {
    ...shownLag({ ...known, state: state === 'removed' ? known.state : state }, own),
    revision: position?.revision ?? 0,
    stalenessMs: position?.stalenessMs ?? 0,
    ...counts,
    // In revisions: none where all that was wanted at this region's head is there.
    lag: Math.max(0, head - standing.watermark),
    filling,
    // What it finds all the time.
    scrub: shownScrub(scrub, standing.lostBlobs),
    // What it has found of the others.
    compared: compared.map(({ region, blobs, bytes, ageMs }) => ({
      region,
      equal: blobs === 0,
      lacksBlobs: blobs,
      lacksBytes: bytes,
      ageMs,
    })),
    reaches: regions
      .filter(({ region }) => region !== known.region)
      .map((lag) => shownLag(lag, known.region)),
  };
}
