import { answerEmpty } from '../http/answer.ts';
import type { RequestContext } from '../http/context.ts';

/** The blob is in the repository, durably in this region, and can be pulled. */
export function tellBlobCreated(ctx: RequestContext, repository: string, digest: string): void {
  answerEmpty(ctx, 201);
  ctx.set({ Location: `/v2/${repository}/blobs/${digest}`, 'Docker-Content-Digest': digest });
}
