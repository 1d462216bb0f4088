import type { Frontend } from '../frontend.ts';
import { answerEmpty } from '../http/answer.ts';
import { readCondition } from '../http/conditions.ts';
import { digestOfPath, header, repositoryOf, type Handler } from '../http/context.ts';
import { tellPosition } from '../http/freshness.ts';

/** Has the repository give a blob up, in every region. */
export function deleteBlob({ catalog, cache, settings }: Frontend): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestOfPath(ctx);
    const ifMatch = readCondition('If-Match', header(ctx, 'if-match'));
    const { signal } = ctx.state;
    const { position } = await catalog.deleteBlob({ repository, digest, ifMatch }, { signal });
    cache.wrote(repository, position);
    answerEmpty(ctx, 202);
    tellPosition(ctx, position, settings);
  };
}
