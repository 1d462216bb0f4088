import { z } from 'zod';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Healing } from '#types/meridian/v1/Healing.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { pathParameter, type Handler } from '../http/context.ts';

/** `verify` re-hashes what a region holds and repairs it; `repair` only compares it with the catalog and fetches what is missing. */
export type HealingWork = 'verify' | 'repair';

const MAX_BODY_BYTES = 4096;

/** What the region's last verification or repair found, or the running one finds. */
export function readHealing({ operations }: Frontend, work: HealingWork): Handler {
  return async (ctx) => {
    const asked = { region: pathParameter(ctx, 'region'), work, repository: '' };
    answerJson(ctx, shown(await operations.getHealing(asked, { signal: ctx.state.signal })));
  };
}

/** Starts one in the region, or joins the one that runs. It goes on when the asker has gone. */
export function startHealing({ operations }: Frontend, work: HealingWork): Handler {
  return async (ctx) => {
    const region = pathParameter(ctx, 'region');
    const repository = parseBody(await readBody(ctx, 'request', MAX_BODY_BYTES));
    const { signal } = ctx.state;
    answerJson(ctx, shown(await operations.startHealing({ region, work, repository }, { signal })));
    ctx.status = 202;
  };
}

function shown(report: Healing): object {
  const { work: _, repository, startedAt, finishedAt, failure, ...counts } = report;
  const { damagedDigests, missingDigests, lostDigests, ...rest } = counts;
  return {
    ...rest,
    ...(repository !== '' && { repository }),
    ...(startedAt > 0 && { startedAt: new Date(startedAt).toISOString() }),
    ...(finishedAt > 0 && { finishedAt: new Date(finishedAt).toISOString() }),
    ...(failure !== '' && { failure }),
    digests: { damaged: damagedDigests, missing: missingDigests, lost: lostDigests },
  };
}

const body = z.strictObject({ repository: z.string().optional() });

/** '' stands for everything. */
function parseBody(bytes: Buffer): string {
  if (bytes.length === 0) return '';
  let repository: string | undefined;
  try {
    ({ repository } = body.parse(JSON.parse(bytes.toString())));
  } catch (cause) {
    throw new RegistryError(
      'REQUEST_INVALID',
      'The body must be empty, which stands for everything, or JSON such as {"repository": "team/app"}.',
      { cause },
    );
  }
  return repository === undefined ? '' : parseRepositoryName(repository);
}
