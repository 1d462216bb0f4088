import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** Takes what is sent to a collector of traces, and keeps it as it came. */
export interface RawCollector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** Headers and bodies, readable or not. */
  received(): string[];
  close(): Promise<void>;
}

export async function startRawCollector(): Promise<RawCollector> {
  const received: string[] = [];
  const server: Server = createServer((request, response) => {
    buffer(request).then(
      (body) => {
        const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
        received.push(JSON.stringify(request.headers), bytes.toString('latin1'));
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
