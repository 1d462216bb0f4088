import type { ByteRange } from '#libs/oci/range.ts';
import { header, type RequestContext } from './context.ts';

/*
 * A proxy before this process may send blobs' files in its place, as nginx does: it says so in a header of the request, is told the file in one of
 * the answer, and serves the range that the client asked for. Who may have the blob is decided here.
 * https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers
 */

/** Ranges that every proxy reads as this process does. */
const PLAIN_RANGE = /^bytes=\d{0,15}-\d{0,15}$/;

/** Whether the proxy takes a file for its answer. `range` is what is to be sent; where the proxy would send something else, it is not asked. */
export function takesFile(ctx: RequestContext, range: ByteRange | undefined): boolean {
  if (header(ctx, 'meridian-accel') !== 'on' || header(ctx, 'if-match') !== undefined) return false;
  const asked = header(ctx, 'range');
  return range === undefined ? asked === undefined : PLAIN_RANGE.test(asked ?? '');
}

/** Answers with the name of a file below the proxy's internal location. */
export function handOver(ctx: RequestContext, location: string, path: string): void {
  ctx.set('X-Accel-Redirect', location + path.split('/').map(encodeURIComponent).join('/'));
  ctx.set('Content-Type', 'application/octet-stream');
  // The proxy's own to say.
  ctx.remove('Accept-Ranges');
  ctx.body = Buffer.alloc(0);
}
