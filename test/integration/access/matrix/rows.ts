import { randomUUID } from 'node:crypto';
import { digestOf } from '#libs/oci/digest.ts';
import type { Sent } from '#test/support/registry-client.ts';
import { byDigest, image, type Content } from './pushed.ts';
import { SECRET, type Person } from './people.ts';

/** One request, and who may make it. Written from the documented roles, not from the code that decides. */
export interface Row {
  /** As the route table has it. */
  readonly route: string;
  readonly name: string;
  readonly may: readonly Person[];
  /** What one gets who may: a status, or undefined where that is not this table's business. */
  readonly status?: number | ((who: Person) => number);
  /** What it is about: a repository, the registry, or nothing that one could know of. */
  readonly about: 'repository' | 'registry' | 'nothing';
  /** The method and path in the repository of that name, and what is sent. */
  request(repository: string, content: Content): readonly [method: string, path: string, sent?: Sent];
}

const sees: readonly Person[] = [
  'guest',
  'puller',
  'narrowed',
  'developer',
  'robot',
  'maintainer',
  'administrator',
];
const pulls: readonly Person[] = ['puller', 'narrowed', 'developer', 'robot', 'maintainer', 'administrator'];
const pushes: readonly Person[] = ['developer', 'robot', 'maintainer', 'administrator'];
const maintains: readonly Person[] = ['maintainer', 'administrator'];
const administers: readonly Person[] = ['administrator'];

const NO_UPLOAD = 'us.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA';
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;

export const ROWS: readonly Row[] = [
  ...repository('GET /v2/*name/manifests/:reference', pulls, {
    'a manifest by tag': [200, (name) => ['GET', `/v2/${name}/manifests/latest`]],
    'a manifest by digest': [200, (name, { digest }) => ['GET', `/v2/${name}/manifests/${digest}`]],
    'a HEAD of a manifest': [200, (name) => ['HEAD', `/v2/${name}/manifests/latest`]],
    'a manifest unless it is known': [
      304,
      (name, { digest }) => [
        'GET',
        `/v2/${name}/manifests/${digest}`,
        { headers: { 'if-none-match': `"${digest}"` } },
      ],
    ],
    'a manifest from the quorum': [
      200,
      (name) => ['GET', `/v2/${name}/manifests/latest`, { headers: { 'meridian-consistency': 'strong' } }],
    ],
    'a manifest with its name encoded': [
      200,
      (name) => ['GET', `/v2/${name.replace('/', '%2F')}/manifests/latest`],
    ],
  }),
  ...repository('GET /v2/*name/blobs/:digest', pulls, {
    'a blob': [200, (name, { blob }) => ['GET', `/v2/${name}/blobs/${blob}`]],
    'a HEAD of a blob': [200, (name, { blob }) => ['HEAD', `/v2/${name}/blobs/${blob}`]],
    'a range of a blob': [
      206,
      (name, { blob }) => ['GET', `/v2/${name}/blobs/${blob}`, { headers: { range: 'bytes=0-3' } }],
    ],
  }),
  ...repository('GET /v2/*name/tags/list', sees, { tags: [200, (name) => ['GET', `/v2/${name}/tags/list`]] }),
  ...repository('GET /v2/*name/referrers/:digest', pulls, {
    referrers: [200, (name, { digest }) => ['GET', `/v2/${name}/referrers/${digest}`]],
  }),
  ...repository('POST /v2/*name/blobs/uploads/', pushes, {
    'an upload': [202, (name) => ['POST', `/v2/${name}/blobs/uploads/`]],
    'a mount from the same repository': [
      201,
      (name, { blob }) => ['POST', `/v2/${name}/blobs/uploads/?mount=${blob}&from=team/app`],
    ],
    'a mount from a secret one': [
      (who) => (who === 'administrator' ? 201 : 202),
      (name, { secretBlob }) => ['POST', `/v2/${name}/blobs/uploads/?mount=${secretBlob}&from=${SECRET}`],
    ],
    'a blob at once': [
      201,
      (name) => ['POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(Buffer.from('x'))}`, { body: 'x' }],
    ],
    'a blob at once that is another': [
      400,
      (name) => ['POST', `/v2/${name}/blobs/uploads/?digest=${NO_DIGEST}`, { body: 'x' }],
    ],
  }),
  ...repository('POST /v2/*name/blobs/uploads', pushes, {
    'an upload without the slash': [202, (name) => ['POST', `/v2/${name}/blobs/uploads`]],
  }),
  ...(['PATCH', 'PUT', 'GET', 'DELETE'] as const).flatMap((method) =>
    repository(`${method} /v2/*name/blobs/uploads/:id`, pushes, {
      [`${method} of an upload`]: [
        404,
        (name) => [
          method,
          `/v2/${name}/blobs/uploads/${NO_UPLOAD}${method === 'PUT' ? `?digest=${NO_DIGEST}` : ''}`,
        ],
      ],
    }),
  ),
  ...repository('PUT /v2/*name/manifests/:reference', pushes, {
    'a new tag': [201, (name, content) => ['PUT', `/v2/${name}/manifests/t-${randomUUID()}`, image(content)]],
    'a tag that exists, moved': [
      (who) => (maintains.includes(who) ? 201 : 403),
      (name, content) => ['PUT', `/v2/${name}/manifests/moving`, image(content, randomUUID())],
    ],
    'a new tag of a manifest by digest': [
      201,
      (name, content) => byDigest(name, `t-${randomUUID()}`, image(content, randomUUID())),
    ],
    'a tag that exists, moved by a manifest by digest': [
      (who) => (maintains.includes(who) ? 201 : 403),
      (name, content) => byDigest(name, 'moving', image(content, randomUUID())),
    ],
    'other bytes under a digest, with a tag that exists': [
      400,
      (name, content) => [
        'PUT',
        `/v2/${name}/manifests/${NO_DIGEST}?tag=moving`,
        image(content, randomUUID()),
      ],
    ],
  }),
  ...repository('DELETE /v2/*name/manifests/:reference', maintains, {
    'the deletion of a tag': [404, (name) => ['DELETE', `/v2/${name}/manifests/no-such-tag`]],
    'the deletion of a manifest': [404, (name) => ['DELETE', `/v2/${name}/manifests/${NO_DIGEST}`]],
  }),
  ...repository('DELETE /v2/*name/blobs/:digest', maintains, {
    'the deletion of a blob': [404, (name) => ['DELETE', `/v2/${name}/blobs/${NO_DIGEST}`]],
  }),
  ...repository('GET /meridian/v1/repositories/*name/settings', sees, {
    settings: [200, (name) => ['GET', `/meridian/v1/repositories/${name}/settings`]],
  }),
  ...repository('PATCH /meridian/v1/repositories/*name/settings', maintains, {
    'a change of settings': [
      400,
      (name) => ['PATCH', `/meridian/v1/repositories/${name}/settings`, { body: 'no JSON' }],
    ],
  }),
  ...repository('GET /meridian/v1/repositories/*name/durability', pulls, {
    durability: [
      undefined,
      (name) => ['GET', `/meridian/v1/repositories/${name}/durability?reference=latest`],
    ],
  }),

  ...registry(administers, [
    'GET /meridian/v1/settings',
    'PATCH /meridian/v1/settings',
    'GET /meridian/v1/status',
    'GET /meridian/v1/regions',
    'PUT /meridian/v1/regions/:region',
    'PATCH /meridian/v1/regions/:region',
    'DELETE /meridian/v1/regions/:region',
    'GET /meridian/v1/regions/:region/collection',
    'POST /meridian/v1/regions/:region/collection',
    'GET /meridian/v1/regions/:region/collection/blobs',
    'GET /meridian/v1/regions/:region/verify',
    'POST /meridian/v1/regions/:region/verify',
    'GET /meridian/v1/regions/:region/repair',
    'POST /meridian/v1/regions/:region/repair',
    ...['users', 'robots'].flatMap((kind) => [
      `GET /meridian/v1/auth/${kind}`,
      ...['PUT', 'PATCH', 'DELETE'].map((method) => `${method} /meridian/v1/auth/${kind}/:principal`),
    ]),
    'GET /meridian/v1/auth/bindings',
    'POST /meridian/v1/auth/bindings',
    'DELETE /meridian/v1/auth/bindings/:id',
    'GET /meridian/v1/auth/directories',
    'PUT /meridian/v1/auth/directories/:directory',
    'DELETE /meridian/v1/auth/directories/:directory',
    'POST /meridian/v1/auth/keys/rotation',
    'GET /meridian/v1/auth/issuers',
    ...['PUT', 'PATCH', 'DELETE'].map((method) => `${method} /meridian/v1/auth/issuers/:issuer`),
    'POST /meridian/v1/auth/issuers/:issuer/rules',
    'DELETE /meridian/v1/auth/issuers/:issuer/rules/:rule',
    'GET /meridian/v1/audit',
  ]),
];

/** Routes that have no rights of their own: who asks decides what is told, or nobody is asked; each has its own test. */
export const OTHER_ROUTES: readonly string[] = [
  'GET /v2/',
  'GET /v2',
  'GET /v2/_catalog',
  'GET /healthz',
  'GET /meridian/v1/token',
  'POST /meridian/v1/token',
  'GET /meridian/v1/jwks',
  'GET /meridian/v1/auth/oidc/:issuer/start',
  'GET /meridian/v1/auth/oidc/:issuer/callback',
  'POST /meridian/v1/auth/oidc/:issuer/session',
  'GET /meridian/v1/auth/tokens',
  'POST /meridian/v1/auth/tokens',
  'DELETE /meridian/v1/auth/tokens/:id',
  'GET /meridian/v1/auth/self',
  'PUT /meridian/v1/auth/self/password',
  'GET /meridian/v1/auth/can',
];

type Forms = Readonly<Record<string, readonly [Row['status'], Row['request']]>>;

function repository(route: string, may: readonly Person[], forms: Forms): Row[] {
  return Object.entries(forms).map(([name, [status, request]]) => ({
    ...{ route, name, may, about: 'repository' as const, request },
    ...(status !== undefined && { status }),
  }));
}

/** Nothing is there by these names, and the body is no JSON, so that nothing comes of it for one who may. */
function registry(may: readonly Person[], routes: readonly string[]): Row[] {
  return routes.map((route) => {
    const [method = '', template = ''] = route.split(' ');
    const path = template.replaceAll(/:\w+/g, 'no-such');
    const sent = ['PUT', 'PATCH', 'POST'].includes(method) ? { body: 'no JSON' } : {};
    return { route, name: route, may, about: 'registry', request: () => [method, path, sent] };
  });
}
