import { z } from 'zod';
import type { Api } from './client.ts';

const drain = z.looseObject({
  drained: z.boolean(),
  running: z.boolean(),
  finishedAt: z.string().optional(),
  checkedBlobs: z.number(),
  soleBlobs: z.number(),
  soleBytes: z.number(),
  solePins: z.number(),
  openUploads: z.number(),
  unreachable: z.array(z.string()),
  failure: z.string().optional(),
});

const round = z.looseObject({
  begunAt: z.string(),
  endedAt: z.string().optional(),
  blobs: z.number(),
  bytes: z.number(),
  damaged: z.number(),
  missing: z.number(),
  repaired: z.number(),
});

/** What a region finds all the time. */
const scrub = z.looseObject({
  bytesPerSecond: z.number(),
  maxBytesPerSecond: z.number(),
  last: round.nullable(),
  current: round.nullable(),
  unrepairable: z.number(),
});

const region = z.looseObject({
  region: z.string(),
  state: z.string(),
  live: z.boolean(),
  roundTripMs: z.number().optional(),
  /** Why it could not be asked; what follows is absent then. */
  unreachable: z.string().optional(),
  stalenessMs: z.number().optional(),
  lag: z.number().optional(),
  missingBlobs: z.number().optional(),
  missingBytes: z.number().optional(),
  lostBlobs: z.number().optional(),
  blobs: z.number().optional(),
  bytes: z.number().optional(),
  freeBytes: z.number().optional(),
  quarantineBlobs: z.number().optional(),
  quarantineBytes: z.number().optional(),
  quarantineLifetimeMs: z.number().optional(),
  scrub: scrub.nullish(),
  compared: z
    .array(
      z.looseObject({ region: z.string(), equal: z.boolean(), lacksBlobs: z.number(), ageMs: z.number() }),
    )
    .optional(),
  filling: z.looseObject({ secondsLeft: z.number() }).nullish(),
  drain: drain.optional(),
});

const quorum = z.union([
  z.object({ unreachable: z.string() }),
  z.looseObject({
    embedded: z.boolean(),
    version: z.string(),
    leader: z.string().nullable(),
    members: z.array(z.looseObject({ name: z.string() })),
  }),
]);

/** `GET /meridian/v1/status`: the cluster as one region sees it. */
const status = z.looseObject({
  region: z.string(),
  catalogId: z.string(),
  head: z.number(),
  stalenessMs: z.number(),
  /** Null while a region can't be asked. */
  underReplicated: z
    .looseObject({
      blobs: z.number(),
      bytes: z.number(),
      images: z.number(),
      exact: z.boolean(),
      ageMs: z.number(),
    })
    .nullable(),
  quorum,
  placements: z.array(z.object({ pattern: z.string(), regions: z.array(z.string()) })).optional(),
  /** Repositories with regions of their own. */
  placedRepositories: z.number().optional(),
  regions: z.array(region),
});

export type Status = z.infer<typeof status>;
export type RegionStatus = z.infer<typeof region>;
export type Scrub = z.infer<typeof scrub>;
export type ScrubRound = z.infer<typeof round>;
export type Drain = z.infer<typeof drain>;

export function readStatus(api: Api, signal: AbortSignal): Promise<Status> {
  return api.request(status, 'GET', '/status', { signal });
}
