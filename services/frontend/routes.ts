import { METHODS } from 'node:http';
import { Router } from '@koa/router';
import type { ReadBuffers } from './content/read-buffers.ts';
import type { Frontend } from './frontend.ts';
import type { Handler, RequestState } from './http/context.ts';
import { base, health } from './resources/base.ts';
import { readBlob } from './resources/blobs.ts';
import { pushManifest } from './resources/manifest-push.ts';
import { deleteManifest, readManifest } from './resources/manifests.ts';
import { listReferrers } from './resources/referrers.ts';
import { listRepositories } from './resources/repositories.ts';
import { listTags } from './resources/tags.ts';
import { cancelUpload, finishUpload, startUpload, uploadStatus, writeUpload } from './resources/uploads.ts';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Route = readonly [Method, path: string, Handler];

/**
 * Every route of the registry; GET answers HEAD as well. Names contain slashes, which no other parameter does, so that each path
 * reads in one way only. A blob can't be deleted on its own, hence 405.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
 */
function table(frontend: Frontend, buffers: ReadBuffers): Route[] {
  return [
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
    ['get', '/v2/', base],
    ['get', '/v2', base],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
    ['get', '/v2/*name/blobs/:digest', readBlob(frontend, buffers)],

    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
    ['post', '/v2/*name/blobs/uploads/', startUpload(frontend)],
    ['post', '/v2/*name/blobs/uploads', startUpload(frontend)],
    ['patch', '/v2/*name/blobs/uploads/:id', writeUpload(frontend)],
    ['put', '/v2/*name/blobs/uploads/:id', finishUpload(frontend)],
    ['get', '/v2/*name/blobs/uploads/:id', uploadStatus(frontend)],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#cancel-a-blob-upload
    ['delete', '/v2/*name/blobs/uploads/:id', cancelUpload(frontend)],

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

    ['get', '/healthz', health],
  ];
}

export function registryRouter(frontend: Frontend, buffers: ReadBuffers): Router<RequestState> {
  const router = new Router<RequestState>({ sensitive: true, strict: true, methods: METHODS });
  for (const [method, path, handler] of table(frontend, buffers)) {
    const route = template(path);
    router[method](path, async (ctx) => {
      ctx.state.route = route;
      await handler(ctx);
    });
  }
  return router;
}

/** The path as the spec writes it: `/v2/<name>/manifests/<reference>`. */
function template(path: string): string {
  return path.replaceAll(/[*:](\w+)/g, '<$1>');
}
