import { RegistryError } from '#libs/oci/errors.ts';
import type { ReadBuffers } from './content/read-buffers.ts';
import type { Frontend } from './frontend.ts';
import type { Handler } from './http/context.ts';
import type { Answering, Method } from './http/router.ts';
import { base, health } from './resources/base.ts';
import { deleteBlob } from './resources/blob-deletion.ts';
import { readBlob } from './resources/blobs.ts';
import { pushManifest } from './resources/manifest-push.ts';
import { explainBlobs, readCollection, startCollection } from './resources/collection.ts';
import { readDurability } from './resources/durability.ts';
import { deleteManifest, readManifest } from './resources/manifests.ts';
import { readHealing, startHealing } from './resources/healing.ts';
import { listReferrers } from './resources/referrers.ts';
import { addRegion, changeRegion, listRegions, removeRegion } from './resources/regions.ts';
import { listRepositories } from './resources/repositories.ts';
import { changeSettings, readSettings } from './resources/settings.ts';
import { readStatus } from './resources/status.ts';
import { listTags } from './resources/tags.ts';
import { startUpload } from './resources/upload-start.ts';
import { cancelUpload, endUpload, uploadStatus, writeUpload } from './resources/uploads.ts';

/** Where deletion is turned off, every DELETE is refused except those that say that they delete no content. */
export type Route = readonly [Method, path: string, Handler, 'deletes no content'?];

/**
 * Every route of the registry; GET answers HEAD as well. Names contain slashes, which no other parameter does, so that each path
 * reads in one way only.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
 */
export function routeTable(frontend: Frontend, buffers: ReadBuffers): Route[] {
  return [
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
    ['get', '/v2/', base],
    ['get', '/v2', base],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
    ['get', '/v2/*name/blobs/:digest', readBlob(frontend, buffers)],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#deleting-blobs
    ['delete', '/v2/*name/blobs/:digest', deleteBlob(frontend)],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
    ['post', '/v2/*name/blobs/uploads/', startUpload(frontend)],
    ['post', '/v2/*name/blobs/uploads', startUpload(frontend)],
    ['patch', '/v2/*name/blobs/uploads/:id', writeUpload(frontend)],
    ['put', '/v2/*name/blobs/uploads/:id', endUpload(frontend)],
    ['get', '/v2/*name/blobs/uploads/:id', uploadStatus(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#cancel-a-blob-upload
    ['delete', '/v2/*name/blobs/uploads/:id', cancelUpload(frontend), 'deletes no content'],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
    ['get', '/v2/*name/manifests/:reference', readManifest(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
    ['put', '/v2/*name/manifests/:reference', pushManifest(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-management
    ['delete', '/v2/*name/manifests/:reference', deleteManifest(frontend)],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
    ['get', '/v2/*name/tags/list', listTags(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    ['get', '/v2/*name/referrers/:digest', listReferrers(frontend)],
    // Docker's: https://distribution.github.io/distribution/spec/api/#listing-repositories
    ['get', '/v2/_catalog', listRepositories(frontend)],

    // Meridian's own
    ['get', '/meridian/v1/settings', readSettings(frontend)],
    ['patch', '/meridian/v1/settings', changeSettings(frontend)],
    ['get', '/meridian/v1/repositories/*name/settings', readSettings(frontend)],
    ['patch', '/meridian/v1/repositories/*name/settings', changeSettings(frontend)],
    ['get', '/meridian/v1/repositories/*name/durability', readDurability(frontend)],
    ['get', '/meridian/v1/status', readStatus(frontend)],
    ['get', '/meridian/v1/regions', listRegions(frontend)],
    ['put', '/meridian/v1/regions/:region', addRegion(frontend)],
    ['patch', '/meridian/v1/regions/:region', changeRegion(frontend)],
    ['delete', '/meridian/v1/regions/:region', removeRegion(frontend), 'deletes no content'],
    ['get', '/meridian/v1/regions/:region/collection', readCollection(frontend)],
    ['post', '/meridian/v1/regions/:region/collection', startCollection(frontend)],
    ['get', '/meridian/v1/regions/:region/collection/blobs', explainBlobs(frontend)],
    ['get', '/meridian/v1/regions/:region/verify', readHealing(frontend, 'verify')],
    ['post', '/meridian/v1/regions/:region/verify', startHealing(frontend, 'verify')],
    ['get', '/meridian/v1/regions/:region/repair', readHealing(frontend, 'repair')],
    ['post', '/meridian/v1/regions/:region/repair', startHealing(frontend, 'repair')],

    ['get', '/healthz', health],
  ];
}

/** All routes, those that are turned off as refusals. */
export function answeringRoutes(frontend: Frontend, buffers: ReadBuffers): Answering[] {
  return routeTable(frontend, buffers).map(([method, path, handler, effect]) => {
    const isTurnedOff =
      method === 'delete' && effect !== 'deletes no content' && frontend.settings.deletion === 'off';
    return { method, path, handler: isTurnedOff ? refuseDeletion : handler, isTurnedOff };
  });
}

const refuseDeletion: Handler = async () => {
  throw new RegistryError('UNSUPPORTED', 'Deletion is turned off in this registry; ask its operator.');
};
