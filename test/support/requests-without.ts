import { createHash, randomBytes } from 'node:crypto';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { Sent } from './registry-client.ts';

const bytes = randomBytes(500);
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A request, and what it is answered while a service does not run: 503, or what can be known without it. */
export interface RequestWithout {
  readonly method: string;
  readonly path: string;
  readonly sent?: Sent;
  readonly storage: number;
  readonly replication: number;
  readonly coordinator: number;
  /** The same where there are other regions to turn to. */
  readonly elsewhere: { readonly storage: number; readonly replication: number };
}

export interface KnownImage {
  readonly digest: string;
  readonly layer: string;
  /** The manifest's. */
  readonly bytes: Buffer;
}

const all = { storage: 503, replication: 503, coordinator: 503 };
/** Answered by the front end alone. */
const none = (status: number): Omit<RequestWithout, 'method' | 'path'> => ({
  ...{ storage: status, replication: status, coordinator: status },
  elsewhere: { storage: status, replication: status },
});

const manifest = { headers: { 'content-type': OCI_MANIFEST }, body: '' };

/** Every route that needs a service, for an image in `team/app` that has the tag 1.0. */
export function requestsWithout(image: KnownImage): RequestWithout[] {
  const never = `sha256:${'0'.repeat(64)}`;
  const elsewhere = (storage: number, replication = storage) => ({ elsewhere: { storage, replication } });
  const pushed = { ...manifest, body: image.bytes };
  return [
    { method: 'GET', path: '/v2/', ...none(200) },
    { method: 'GET', path: '/healthz', ...none(200) },
    { method: 'GET', path: '/nowhere', ...none(404) },
    { method: 'POST', path: '/v2/', ...none(405) },
    { method: 'GET', path: '/v2/A/tags/list', ...none(400) },
    { method: 'GET', path: '/v2/_catalog', ...all, storage: 200, coordinator: 200, ...elsewhere(200) },
    {
      method: 'GET',
      path: '/v2/team/app/tags/list',
      ...all,
      storage: 200,
      coordinator: 200,
      ...elsewhere(200),
    },
    { method: 'GET', path: '/v2/team/none/tags/list', ...all, storage: 404, ...elsewhere(404) },
    {
      method: 'HEAD',
      path: '/v2/team/app/manifests/1.0',
      ...all,
      storage: 200,
      coordinator: 200,
      ...elsewhere(200),
    },
    { method: 'GET', path: '/v2/team/app/manifests/1.0', ...all, coordinator: 200, ...elsewhere(200) },
    {
      method: 'GET',
      path: `/v2/team/app/manifests/${image.digest}`,
      ...all,
      coordinator: 200,
      ...elsewhere(200),
    },
    { method: 'GET', path: '/v2/team/app/manifests/none', ...all, storage: 404, ...elsewhere(404) },
    { method: 'GET', path: `/v2/team/app/manifests/${never}`, ...all, storage: 404, ...elsewhere(404) },
    {
      method: 'HEAD',
      path: `/v2/team/app/blobs/${image.layer}`,
      ...all,
      storage: 200,
      coordinator: 200,
      ...elsewhere(200),
    },
    { method: 'GET', path: `/v2/team/app/blobs/${image.layer}`, ...all, coordinator: 200, ...elsewhere(200) },
    { method: 'GET', path: `/v2/team/app/blobs/${never}`, ...all, ...elsewhere(503) },
    {
      method: 'GET',
      path: `/v2/team/app/referrers/${image.digest}`,
      ...all,
      storage: 200,
      coordinator: 200,
      ...elsewhere(200),
    },
    {
      method: 'POST',
      path: '/v2/team/app/blobs/uploads/',
      ...all,
      coordinator: 202,
      ...elsewhere(202),
    },
    {
      ...{ method: 'POST', path: `/v2/team/app/blobs/uploads/?digest=${digest}`, sent: { body: bytes } },
      ...{ ...all, coordinator: 201, ...elsewhere(201) },
    },
    {
      ...{ method: 'POST', path: `/v2/team/new/blobs/uploads/?mount=${image.layer}&from=team/app` },
      ...{ ...all, coordinator: 201, ...elsewhere(201) },
    },
    {
      method: 'GET',
      path: '/v2/team/app/blobs/uploads/us.x.y',
      storage: 503,
      replication: 404,
      coordinator: 404,
      ...elsewhere(503, 404),
    },
    {
      method: 'GET',
      path: '/v2/team/app/blobs/uploads/eu.x.y',
      storage: 404,
      replication: 503,
      coordinator: 404,
      ...elsewhere(404),
    },
    { method: 'PUT', path: '/v2/team/app/manifests/2.0', sent: pushed, ...all, ...elsewhere(201) },
    {
      method: 'PUT',
      path: '/v2/team/app/manifests/2.0',
      sent: { ...manifest, body: '{' },
      ...none(400),
      replication: 503,
    },
    { method: 'DELETE', path: `/v2/team/app/blobs/${never}`, ...all, ...elsewhere(503) },
    { method: 'DELETE', path: '/v2/team/app/manifests/none', ...all, storage: 404, ...elsewhere(404) },
    { method: 'DELETE', path: `/v2/team/app/manifests/${never}`, ...all, storage: 404, ...elsewhere(404) },
  ];
}
