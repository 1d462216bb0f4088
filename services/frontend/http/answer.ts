import type { RequestContext } from './context.ts';

/** An answer without a body. */
export function answerEmpty(ctx: RequestContext, status: number): void {
  ctx.body = null;
  ctx.status = status;
}

export function answerJson(ctx: RequestContext, body: unknown, contentType = 'application/json'): void {
  answerBytes(ctx, Buffer.from(JSON.stringify(body)), contentType);
}

/** Bytes that are in memory; to HEAD, all but the bytes. */
export function answerBytes(ctx: RequestContext, bytes: Buffer, contentType: string): void {
  ctx.set('Content-Type', contentType);
  ctx.body = bytes;
  if (ctx.method !== 'HEAD') ctx.state.bytesOut = bytes.length;
}
