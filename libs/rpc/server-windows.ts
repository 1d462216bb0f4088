import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { FLOW_CONTROL_WINDOW_BYTES, REQUEST_WINDOW_BYTES } from './limits.ts';

/*
 * A gRPC server of grpc-js has no option for how much a caller may send before it is read, and HTTP/2 begins with 64 KiB: over a long link that
 * is 64 KiB a round trip, and on a busy machine as much each time that both processes have had their turn.
 */

const CHANNEL = 'http2.server.stream.created';
const widened = new WeakSet<ServerHttp2Session>();

/** Has the servers of this process take more of what callers stream to them, until the function it gives is called. */
export function widenServerWindows(): () => void {
  subscribe(CHANNEL, onStream);
  return () => void unsubscribe(CHANNEL, onStream);
}

function onStream(message: unknown): void {
  const { session } = (message as { stream: ServerHttp2Stream }).stream;
  if (session === undefined || session.closed || session.destroyed) return;
  const server = session as ServerHttp2Session;
  if (widened.has(server)) return;
  widened.add(server);
  server.setLocalWindowSize(FLOW_CONTROL_WINDOW_BYTES);
  server.settings({ initialWindowSize: REQUEST_WINDOW_BYTES });
}
