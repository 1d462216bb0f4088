import { RegistryError } from '#libs/oci/errors.ts';
import type { Gate } from './auth/gate.ts';
import { authRoutes } from './auth/routes.ts';
import type { Need } from './auth/needs.ts';
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

/**
 * What a request must be allowed, before its handler sees it, stands beside each path. Where deletion is turned off, every DELETE is
 * refused except those that say that they delete no content.
 */
export type Route = readonly [Method, path: string, Need, Handler, 'deletes no content'?];

/**
 * Every route of the registry; GET answers HEAD as well. Names contain slashes, which no other parameter does, so that each path
 * reads in one way only.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
 */
export function routeTable(frontend: Frontend, buffers: ReadBuffers): Route[] {
  return [
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
    ['get', '/v2/', 'login', base],
    ['get', '/v2', 'login', base],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
    ['get', '/v2/*name/blobs/:digest', 'pull', readBlob(frontend, buffers)],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#deleting-blobs
    ['delete', '/v2/*name/blobs/:digest', 'delete', deleteBlob(frontend)],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
    ['post', '/v2/*name/blobs/uploads/', 'push', startUpload(frontend)],
    ['post', '/v2/*name/blobs/uploads', 'push', startUpload(frontend)],
    ['patch', '/v2/*name/blobs/uploads/:id', 'push', writeUpload(frontend)],
    ['put', '/v2/*name/blobs/uploads/:id', 'push', endUpload(frontend)],
    ['get', '/v2/*name/blobs/uploads/:id', 'push', uploadStatus(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#cancel-a-blob-upload
    ['delete', '/v2/*name/blobs/uploads/:id', 'push', cancelUpload(frontend), 'deletes no content'],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
    ['get', '/v2/*name/manifests/:reference', 'pull', readManifest(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
    ['put', '/v2/*name/manifests/:reference', 'push', pushManifest(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-management
    ['delete', '/v2/*name/manifests/:reference', 'delete', deleteManifest(frontend)],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
    ['get', '/v2/*name/tags/list', 'see', listTags(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    ['get', '/v2/*name/referrers/:digest', 'pull', listReferrers(frontend)],
    // Docker's: https://distribution.github.io/distribution/spec/api/#listing-repositories
    ['get', '/v2/_catalog', 'catalog', listRepositories(frontend)],

    // Meridian's own
    ['get', '/meridian/v1/settings', 'operate', readSettings(frontend)],
    ['patch', '/meridian/v1/settings', 'operate', changeSettings(frontend)],
    ['get', '/meridian/v1/repositories/*name/settings', 'see', readSettings(frontend)],
    ['patch', '/meridian/v1/repositories/*name/settings', 'settings', changeSettings(frontend)],
    ['get', '/meridian/v1/repositories/*name/durability', 'pull', readDurability(frontend)],
    ['get', '/meridian/v1/status', 'operate', readStatus(frontend)],
    ['get', '/meridian/v1/regions', 'operate', listRegions(frontend)],
    ['put', '/meridian/v1/regions/:region', 'operate', addRegion(frontend)],
    ['patch', '/meridian/v1/regions/:region', 'operate', changeRegion(frontend)],
    ['delete', '/meridian/v1/regions/:region', 'operate', removeRegion(frontend), 'deletes no content'],
    ['get', '/meridian/v1/regions/:region/collection', 'operate', readCollection(frontend)],
    ['post', '/meridian/v1/regions/:region/collection', 'operate', startCollection(frontend)],
    ['get', '/meridian/v1/regions/:region/collection/blobs', 'operate', explainBlobs(frontend)],
    ['get', '/meridian/v1/regions/:region/verify', 'operate', readHealing(frontend, 'verify')],
    ['post', '/meridian/v1/regions/:region/verify', 'operate', startHealing(frontend, 'verify')],
    ['get', '/meridian/v1/regions/:region/repair', 'operate', readHealing(frontend, 'repair')],
    ['post', '/meridian/v1/regions/:region/repair', 'operate', startHealing(frontend, 'repair')],

    ['get', '/healthz', 'nothing', health],
    ...(frontend.authentication === undefined ? [] : authRoutes(frontend.authentication)),
  ];
}

/** All routes behind the gate, those that are turned off as refusals. */
export function answeringRoutes(frontend: Frontend, buffers: ReadBuffers): Answering[] {
  const gate = frontend.authentication?.gate;
  return routeTable(frontend, buffers).map(([method, path, need, handler, effect]) => {
    const isTurnedOff =
      method === 'delete' && effect !== 'deletes no content' && frontend.settings.deletion === 'off';
    const answer = gate === undefined ? handler : guarded(gate, need, handler);
    return { method, path, handler: isTurnedOff ? refuseDeletion : answer, isTurnedOff };
  });
}

function guarded(gate: Gate, need: Need, handler: Handler): Handler {
  return async (ctx) => {
    ctx.state.need = need;
    await gate.admit(ctx, need);
    ctx.state.admitted = true;
    await handler(ctx);
  };
}

const refuseDeletion: Handler = async () => {
  throw new RegistryError('UNSUPPORTED', 'Deletion is turned off in this registry; ask its operator.');
};
