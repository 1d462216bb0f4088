import { expect } from 'vitest';
import type { Answer, Sent } from '#test/support/registry-client.ts';
import { sha256, type TestFrontend } from './harness.ts';

/** The steps of an upload to one front end. */
export interface UploadClient {
  /** Opens an upload and gives its location. */
  start(query?: string): Promise<string>;
  patch(location: string, body: Buffer, headers?: Record<string, string>): Promise<Answer>;
  /** PUT with the digest of the bytes. */
  finish(location: string, bytes: Buffer, sent?: Sent): Promise<Answer>;
}

export function uploadClient(frontend: TestFrontend, repository: string): UploadClient {
  return {
    start: async (query = '') => {
      const answer = await frontend.send('POST', `/v2/${repository}/blobs/uploads/${query}`);
      expect(answer.status).toBe(202);
      expect(answer.headers.range).toBe('0-0');
      const location = String(answer.headers.location);
      expect(location).toMatch(/^\/v2\/.*\/blobs\/uploads\/[^/?]+$/);
      return location;
    },
    patch: (location, body, headers = {}) => frontend.send('PATCH', location, { body, headers }),
    finish: (location, bytes, sent = {}) => frontend.send('PUT', `${location}?digest=${sha256(bytes)}`, sent),
  };
}
