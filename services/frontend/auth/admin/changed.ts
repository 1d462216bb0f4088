import type { AuthChanged } from '#types/meridian/v1/AuthChanged.ts';
import { answerEmpty } from '../../http/answer.ts';
import type { RequestContext } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';

/** Waits until a change holds at this front end, so that who made it sees it; in others it holds within a second. */
export async function settled(
  { known, settings }: Pick<Authentication, 'known' | 'settings'>,
  ctx: RequestContext,
  { position }: Pick<AuthChanged, 'position'>,
): Promise<void> {
  await known.reached(position, settings.knownWaitMs, ctx.state.signal);
}

export async function answerRemoved(
  authentication: Pick<Authentication, 'known' | 'settings'>,
  ctx: RequestContext,
  changed: AuthChanged,
): Promise<void> {
  await settled(authentication, ctx, changed);
  answerEmpty(ctx, 204);
}
