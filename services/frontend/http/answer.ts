import type { RequestContext } from './context.ts';
import { tellRegionsUsed } from './regions-used.ts';
import { watchAnswer } from './send.ts';

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

/** Adds to the header of an answer: names and values in turns. */
export function setFields(ctx: RequestContext, fields: readonly string[]): void {
  for (let i = 0; i < fields.length; i += 2) ctx.set(fields[i] ?? '', fields[i + 1] ?? '');
}

/**
 * Answers from memory, at once and past Koa, for what is asked for most; nothing can be added afterwards. `fields` are names of the header and
 * their values in turns, Content-Length among them. To HEAD, all but the bytes.
 */
export function answerNow(ctx: RequestContext, status: number, fields: string[], bytes?: Buffer): void {
  tellRegionsUsed(ctx);
  ctx.respond = false;
  const { res } = ctx;
  res.writeHead(status, fields);
  if (bytes === undefined || ctx.method === 'HEAD') {
    res.end();
    return;
  }
  ctx.state.bytesOut = bytes.length;
  res.end(bytes);
  // Mostly the kernel has taken all of it by now.
  if (res.socket === null || res.socket.writableLength > 0) watchAnswer(ctx, bytes.length);
}
