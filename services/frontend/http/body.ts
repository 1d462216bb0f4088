import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';
import { RegistryError } from '#libs/oci/errors.ts';
import { arriving } from './arriving.ts';
import type { RequestContext } from './context.ts';

/**
 * The request's body as it comes. Leaving the iteration leaves the connection usable for the answer.
 * Throws when the client goes away before the end, and TIMEOUT when it sends too little while it is waited for.
 */
export function requestBody(ctx: RequestContext): AsyncGenerator<Buffer, void, undefined> {
  if (ctx.state.awaitsContinue) {
    ctx.state.awaitsContinue = false;
    ctx.res.writeContinue();
  }
  return arriving(ctx);
}

/** The whole body; TOO_LARGE beyond `maxBytes`, and where Content-Length tells so, before anything is read. */
export async function readBody(ctx: RequestContext, what: string, maxBytes: number): Promise<Buffer> {
  const declared = contentLength(ctx) ?? 0;
  if (declared > maxBytes) throw tooLarge(what, `has ${declared} bytes`, maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of requestBody(ctx)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(what, `has more than ${maxBytes} bytes`, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** False only where it is certain that no body comes. */
export function hasBody(ctx: RequestContext): boolean {
  return ctx.req.headers['transfer-encoding'] !== undefined || (contentLength(ctx) ?? 0) > 0;
}

/**
 * True where the client wants to be told whether its body is welcome before it sends it.
 * https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
 */
export function awaitsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.expect?.toLowerCase() === '100-continue';
}

export function contentLength(ctx: RequestContext): number | undefined {
  const text = ctx.req.headers['content-length'];
  return text === undefined ? undefined : Number(text);
}

/**
 * Reads on after an answer that comes before the request's end: a client that is still sending would else never see the answer. To be called
 * before the answer has ended. Beyond the limits the connection is cut.
 */
export function discardRest(request: IncomingMessage, maxBytes: number, timeoutMs: number): void {
  if (request.complete || request.destroyed) return;
  const { socket } = request;
  const cut = (): void => void socket.destroy();
  const timer = setTimeout(cut, timeoutMs);
  // A connection that is not kept Node destroys with the answer; what is still sent then would be refused, and the answer lost with it.
  let isLast = false;
  socket.destroySoon = () => {
    isLast = true;
    socket.end();
  };
  finished(request, () => {
    clearTimeout(timer);
    Reflect.deleteProperty(socket, 'destroySoon');
    if (isLast) socket.destroySoon();
  });
  let discarded = 0;
  request
    .on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > maxBytes) cut();
    })
    .on('error', () => undefined)
    .resume();
}

function tooLarge(what: string, found: string, maxBytes: number): RegistryError {
  return new RegistryError('TOO_LARGE', `The ${what} ${found}; at most ${maxBytes} are accepted.`);
}
