import { z } from 'zod';
import type { Api } from '../../api/client.ts';
import { durationOption } from '../../duration.ts';
import { wrongUsage } from '../../exit.ts';
import { parseGrant } from './grant.ts';
import type { IssuerValues } from './issuers.ts';

/** `meridian auth issuers allow NAME …`: has machines of the issuer be a robot. */
export function addRule<T>(
  api: Api,
  path: string,
  { audience, claim, robot, allow, session }: IssuerValues,
  answer: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T> {
  if (audience === undefined || claim === undefined || robot === undefined) {
    throw wrongUsage(
      'Expected --audience, --claim NAME=PATTERN and --robot: for whom a token must be, what it must say, and who it is then.',
    );
  }
  const body = {
    ...{ audience, robot, claims: claim.map(parseCondition) },
    ...(allow !== undefined && { grants: allow.map(parseGrant) }),
    ...(session !== undefined && { sessionMs: durationOption('--session', session) }),
  };
  return api.request(answer, 'POST', `${path}/rules`, { body, signal });
}

/** `meridian auth issuers disallow NAME RULE` */
export async function removeRule(
  api: Api,
  path: string,
  id: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (id === undefined)
    throw wrongUsage(
      'Which rule? Expected: meridian auth issuers disallow NAME RULE, as "meridian auth issuers" lists it.',
    );
  await api.request(z.unknown(), 'DELETE', `${path}/rules/${encodeURIComponent(id)}`, { signal });
}

function parseCondition(text: string): { claim: string; pattern: string } {
  const at = text.indexOf('=');
  if (at < 1)
    throw wrongUsage(`--claim ${text}: expected a claim and what it must be, such as repository=team/app.`);
  return { claim: text.slice(0, at), pattern: text.slice(at + 1) };
}
