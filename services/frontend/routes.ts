import { METHODS } from 'node:http';
import { Router } from '@koa/router';
import type { Middleware } from 'koa';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ReadBuffers } from './content/read-buffers.ts';
import type { Frontend } from './frontend.ts';
import type { Handler, RequestContext, RequestState } from './http/context.ts';
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

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

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

export interface RegistryRouters {
  readonly routes: Router<RequestState>;
  /** Refuses what is turned off, and comes first: `routes` does not have it, so that no `Allow` names it. */
  readonly refusals: Middleware<RequestState, RequestContext>;
}

export function registryRouters(frontend: Frontend, buffers: ReadBuffers): RegistryRouters {
  const all = routeTable(frontend, buffers);
  const offered = all.filter((route) => !isTurnedOff(route, frontend));
  const routerOf = (routes: readonly Route[]): Router<RequestState> => {
    const router = new Router<RequestState>({ sensitive: true, strict: true, methods: METHODS });
    for (const [method, path, handler] of routes) {
      const route = template(path);
      router[method](path, async (ctx) => {
        ctx.state.route = route;
        try {
          await handler(ctx);
        } catch (error) {
          if (isUnsupported(error)) ctx.set('Allow', allowedBeside(method, path, offered));
          throw error;
        }
      });
    }
    return router;
  };
  const turnedOff = all.filter((route) => isTurnedOff(route, frontend));
  const refusing = routerOf(turnedOff.map(([method, path]) => [method, path, refuseDeletion]));
  const refuse = refusing.routes();
  return {
    routes: routerOf(offered),
    // Asked only for what it has: a router leaves its paths to `Allow` even where it has not the method.
    refusals: async (ctx, next) => {
      await (refusing.match(ctx.path, ctx.method).route ? refuse(ctx, next) : next());
    },
  };
}

function isTurnedOff([method, , , effect]: Route, { settings }: Frontend): boolean {
  return method === 'delete' && effect !== 'deletes no content' && settings.deletion === 'off';
}

const refuseDeletion: Handler = async () => {
  throw new RegistryError('UNSUPPORTED', 'Deletion is turned off in this registry; ask its operator.');
};

function isUnsupported(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'UNSUPPORTED';
}

/** The other methods that the path takes. https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6 */
function allowedBeside(refused: Method, path: string, routes: readonly Route[]): string {
  const others = routes.filter(([method, other]) => other === path && method !== refused);
  return others.map(([method]) => (method === 'get' ? 'HEAD, GET' : method.toUpperCase())).join(', ');
}

/** The path as the spec writes it: `/v2/<name>/manifests/<reference>`. */
function template(path: string): string {
  return path.replaceAll(/[*:](\w+)/g, '<$1>');
}
