import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Answer } from './registry-client.ts';

/** A GET from one of this machine's own addresses, such as 127.0.0.2. */
export function askFrom(
  localAddress: string,
  registry: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(`http://${registry}${path}`, { headers, localAddress, family: 4 })
      .on('response', (response) => {
        buffer(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        );
      })
      .on('error', reject)
      .end();
  });
}
