import { describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { notPlaced } from '#libs/placement.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import { askElsewhere, CONTENT } from '#services/frontend/elsewhere/ask.ts';
import { readElsewhere } from '#services/frontend/elsewhere/read.ts';
import { followRegions, type KnownRegion, type OtherRegion } from '#services/frontend/elsewhere/regions.ts';
import type { Used } from '#services/frontend/elsewhere/used.ts';

const { signal } = new AbortController();
const bytes = Buffer.from('the bytes of a blob');
const gone = new Unanswered('It is gone.');

interface Fake {
  readonly roundTripMs?: number;
  readonly answers?: boolean;
  readonly takesContent?: boolean;
  /** After how many bytes a read fails. */
  readonly breaksAt?: number;
  readonly lacks?: boolean;
}

function fake(region: string, options: Fake): KnownRegion {
  const { roundTripMs = 1, answers = true, takesContent = true, breaksAt, lacks = false } = options;
  const read = async function* ({ offset, length }: { offset: number; length: number }) {
    if (lacks) throw new RegistryError('BLOB_UNKNOWN', `${region} does not have it.`);
    const asked = bytes.subarray(offset, offset + length);
    yield { data: asked.subarray(0, breaksAt ?? asked.length) };
    if (breaksAt !== undefined) throw gone;
  };
  return {
    ...{ region, roundTripMs, takesContent },
    ping: async () => undefined,
    presence: { answers },
    peer: { read },
  } as unknown as KnownRegion;
}

function regionsOf(fakes: Record<string, Fake>) {
  const used: Used[] = [];
  const known = Object.entries(fakes).map(([region, options]) => fake(region, options));
  const stopped = AbortSignal.abort();
  return {
    regions: followRegions(known, { pingEveryMs: 1, signal: stopped }),
    onUsed: (use: Used) => used.push(use),
    used: () => Array.from(new Set(used.map(({ region }) => region))),
  };
}

describe('a call to other regions', () => {
  const asking = async (
    fakes: Record<string, Fake>,
    how: { isRepeatable: boolean; bringsContent?: boolean },
    answer: (region: string) => string,
  ) => {
    const { regions, onUsed, used } = regionsOf(fakes);
    const asked: string[] = [];
    const options = { region: 'us', regions, onUsed, service: 'replication', signal, ...how } as const;
    const outcome = await askElsewhere(options, async ({ region }: OtherRegion) => {
      asked.push(region);
      return answer(region);
    }).catch((error: unknown) => (error as Error).message);
    return { asked, outcome, used: used() };
  };
  const all = { eu: { roundTripMs: 80 }, ap: { roundTripMs: 150 }, sa: { roundTripMs: 40 } };

  it('goes to the nearest one that answers', async () => {
    const fakes = { ...all, sa: { roundTripMs: 40, answers: false } };
    expect(await asking(fakes, { isRepeatable: true }, (region) => region)).toEqual({
      ...{ asked: ['eu'], outcome: 'eu', used: ['eu'] },
    });
  });

  it('is repeated in the next one where that does no harm', async () => {
    const answer = (region: string): string => {
      if (region === 'sa') throw gone;
      if (region === 'eu') throw new RegistryError('UNAVAILABLE', 'It is cut off.');
      return region;
    };
    expect(await asking(all, { isRepeatable: true }, answer)).toEqual({
      ...{ asked: ['sa', 'eu', 'ap'], outcome: 'ap', used: ['ap'] },
    });
  });

  it('is not repeated where nobody knows whether it was done', async () => {
    const answer = (): string => {
      throw gone;
    };
    expect(await asking(all, { isRepeatable: false }, answer)).toEqual({
      ...{ asked: ['sa'], outcome: gone.message, used: [] },
    });
  });

  it('is not repeated once a region has said no', async () => {
    const answer = (): string => {
      throw new RegistryError('MANIFEST_UNKNOWN', 'There is none.');
    };
    expect(await asking(all, { isRepeatable: true }, answer)).toEqual({
      ...{ asked: ['sa'], outcome: 'There is none.', used: ['sa'] },
    });
  });

  it('brings no content to a region that is leaving', async () => {
    const fakes = { ...all, sa: { roundTripMs: 40, takesContent: false } };
    expect((await asking(fakes, { isRepeatable: true }, (region) => region)).asked).toEqual(['sa']);
    expect((await asking(fakes, CONTENT, (region) => region)).asked).toEqual(['eu']);
  });

  it('says that there is nobody to ask', async () => {
    const { outcome } = await asking({ eu: { answers: false } }, { isRepeatable: true }, String);
    expect(outcome).toContain('no other region');
  });

  it('goes on to a region where the content may be', async () => {
    expect(await asking(all, { isRepeatable: false }, placedIn('us', 'ap'))).toEqual({
      ...{ asked: ['sa', 'eu', 'ap'], outcome: 'ap', used: ['ap'] },
    });
  });

  it('waits for the own region where the content may be nowhere else', async () => {
    const { outcome } = await asking(all, { isRepeatable: true }, placedIn('us'));
    expect(outcome).toContain('it is kept in us only. Try again');
  });

  it('is refused in the name of the own region where the content must not be', async () => {
    const { outcome } = await asking(all, { isRepeatable: true }, placedIn('cn'));
    expect(outcome).toContain('is kept in cn only, and this is us.');
  });
});

/** Answers as a region does to content that may be in these only. */
function placedIn(...regions: string[]): (region: string) => string {
  return (region) => {
    if (regions.includes(region)) return region;
    throw notPlaced('team/app', regions, region);
  };
}

describe('a read from other regions', () => {
  const reading = async (fakes: Record<string, Fake>) => {
    const { regions, onUsed, used } = regionsOf(fakes);
    const got: Buffer[] = [];
    const read = readElsewhere('us', regions, onUsed)({ digest: 'd', offset: 4, length: 10 }, { signal });
    const outcome = (async () => {
      for await (const { data } of read) got.push(data);
    })();
    const failure = await outcome.then(
      () => '',
      (error: unknown) => (error as RegistryError).code,
    );
    return { got: Buffer.concat(got).toString(), failure, used: used() };
  };

  it('goes on in the next region where the one before breaks off', async () => {
    expect(await reading({ eu: { lacks: true }, ap: { breaksAt: 3 }, sa: {} })).toEqual({
      ...{ got: bytes.subarray(4, 14).toString(), failure: '', used: ['ap', 'sa'] },
    });
  });

  it('fails where no region has the rest, after nothing but right bytes', async () => {
    expect(await reading({ ap: { breaksAt: 3 }, eu: { lacks: true } })).toEqual({
      ...{ got: bytes.subarray(4, 7).toString(), failure: 'UNAVAILABLE', used: ['ap'] },
    });
  });
});
