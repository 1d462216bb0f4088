import { answerEmpty, answerJson } from '../http/answer.ts';
import type { Handler } from '../http/context.ts';

/** Says that the API is here. Older clients look for the header. */
export const base: Handler = async (ctx) => {
  ctx.set('Docker-Distribution-API-Version', 'registry/2.0');
  answerJson(ctx, {});
};

/** The process runs and takes requests; whether it can serve them is told on the admin port. */
export const health: Handler = async (ctx) => {
  answerEmpty(ctx, 200);
};
