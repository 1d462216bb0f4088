import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { send, type Answer, type Sent } from '#test/support/registry-client.ts';

/** What is asked in a repository about content that is not its own. */
export interface Probe {
  /** As the route table has it. */
  readonly route: string;
  readonly name: string;
  ask(registry: string, digest: string, size: number): Promise<Answer>;
}

/** The repository that asks; it exists, and has none of the content. */
export const STRANGER = 'stranger/app';

const BLOB = 'GET /v2/*name/blobs/:digest';
const MANIFEST = 'GET /v2/*name/manifests/:reference';
const PUSH = 'PUT /v2/*name/manifests/:reference';
const START = 'POST /v2/*name/blobs/uploads/';
const FINISH = 'PUT /v2/*name/blobs/uploads/:id';

/** Of every route by which a digest can be named, each way of naming it. */
export const probes: readonly Probe[] = [
  probe(BLOB, 'read a blob', 'GET', blob),
  probe(BLOB, 'look for a blob', 'HEAD', blob),
  probe(BLOB, 'read its first bytes', 'GET', blob, () => ({ headers: { range: 'bytes=0-9' } })),
  probe(BLOB, 'read bytes beyond any end', 'GET', blob, () => ({ headers: { range: 'bytes=999999999-' } })),
  probe(BLOB, 'read a blob unless it is the same', 'GET', blob, unlessSame),
  probe(BLOB, 'read a blob if it is the same', 'GET', blob, ifSame),
  probe('DELETE /v2/*name/blobs/:digest', 'delete a blob', 'DELETE', blob),
  probe(MANIFEST, 'read a manifest', 'GET', manifest),
  probe(MANIFEST, 'look for a manifest', 'HEAD', manifest),
  probe(MANIFEST, 'read a manifest unless it is the same', 'GET', manifest, unlessSame),
  probe(MANIFEST, 'read a manifest from the quorum', 'GET', manifest, () => ({
    headers: { 'meridian-consistency': 'strong' },
  })),
  probe('DELETE /v2/*name/manifests/:reference', 'delete a manifest', 'DELETE', manifest),
  probe(PUSH, 'push other bytes under its digest', 'PUT', manifest, () => image({})),
  ...(['config', 'layer', 'manifest', 'blob'] as const).flatMap((role) => [
    probe(PUSH, `name it as a ${role}`, 'PUT', tag, (digest, size) => naming(role, digest, size)),
    probe(PUSH, `name it as a ${role} of another size`, 'PUT', tag, (digest, size) =>
      naming(role, digest, size + 1),
    ),
  ]),
  probe('GET /v2/*name/referrers/:digest', 'list its referrers', 'GET', (digest) => `referrers/${digest}`),
  probe(START, 'mount it from a repository that is not there', 'POST', (digest) =>
    mount(digest, 'nobody/app'),
  ),
  probe(START, 'mount it from a repository that lacks it', 'POST', (digest) => mount(digest, STRANGER)),
  probe(
    START,
    'upload other bytes as it',
    'POST',
    (digest) => `blobs/uploads/?digest=${digest}`,
    () => ({
      body: 'other bytes',
    }),
  ),
  probe(START, 'upload nothing as it', 'POST', (digest) => `blobs/uploads/?digest=${digest}`),
  finish('end an upload of nothing as it', ''),
  finish('end an upload of other bytes as it', 'other bytes'),
];

/** Routes that name no content by its digest, or that another probe's route is but another spelling of. */
export const otherRoutes: Readonly<Record<string, string>> = {
  'GET /v2/': 'names nothing',
  'GET /v2': 'names nothing',
  'GET /healthz': 'names nothing',
  'GET /v2/_catalog': 'names repositories only',
  'GET /v2/*name/tags/list': 'names tags of the repository only',
  'POST /v2/*name/blobs/uploads': 'is the route with the slash',
  'PATCH /v2/*name/blobs/uploads/:id': 'names an upload only',
  'GET /v2/*name/blobs/uploads/:id': 'names an upload only',
  'DELETE /v2/*name/blobs/uploads/:id': 'names an upload only',
  'GET /meridian/v1/settings': 'is for administrators',
  'PATCH /meridian/v1/settings': 'is for administrators',
  'GET /meridian/v1/repositories/*name/settings': 'is for administrators',
  'PATCH /meridian/v1/repositories/*name/settings': 'is for administrators',
  'GET /meridian/v1/repositories/*name/durability': 'is for administrators',
  'GET /meridian/v1/status': 'is for administrators',
  'GET /meridian/v1/regions': 'is for administrators',
  'PUT /meridian/v1/regions/:region': 'is for administrators',
  'PATCH /meridian/v1/regions/:region': 'is for administrators',
  'DELETE /meridian/v1/regions/:region': 'is for administrators',
  'GET /meridian/v1/regions/:region/collection': 'is for administrators',
  'POST /meridian/v1/regions/:region/collection': 'is for administrators',
  'GET /meridian/v1/regions/:region/collection/blobs': 'is for administrators',
  'GET /meridian/v1/regions/:region/verify': 'is for administrators',
  'POST /meridian/v1/regions/:region/verify': 'is for administrators',
  'GET /meridian/v1/regions/:region/repair': 'is for administrators',
  'POST /meridian/v1/regions/:region/repair': 'is for administrators',
};

type Path = (digest: string) => string;
type Body = (digest: string, size: number) => Sent;

function probe(route: string, name: string, method: string, path: Path, sent: Body = () => ({})): Probe {
  return {
    route,
    name,
    ask: (registry, digest, size) =>
      send(registry, method, `/v2/${STRANGER}/${path(digest)}`, sent(digest, size)),
  };
}

function finish(name: string, body: string): Probe {
  return {
    route: FINISH,
    name,
    ask: async (registry, digest) => {
      const opened = await send(registry, 'POST', `/v2/${STRANGER}/blobs/uploads/`);
      return send(registry, 'PUT', `${opened.headers.location ?? ''}?digest=${digest}`, { body });
    },
  };
}

function blob(digest: string): string {
  return `blobs/${digest}`;
}

function manifest(digest: string): string {
  return `manifests/${digest}`;
}

function tag(): string {
  return 'manifests/stolen';
}

function mount(digest: string, from: string): string {
  return `blobs/uploads/?mount=${digest}&from=${from}`;
}

function unlessSame(digest: string): Sent {
  return { headers: { 'if-none-match': `"${digest}"` } };
}

function ifSame(digest: string): Sent {
  return { headers: { 'if-match': `"${digest}"` } };
}

function naming(role: 'config' | 'layer' | 'manifest' | 'blob', digest: string, size: number): Sent {
  if (role === 'config') return image({ config: { mediaType: OCI_CONFIG, digest, size } });
  if (role === 'layer') return image({ layers: [{ mediaType: OCI_LAYER, digest, size }] });
  const mediaType = role === 'manifest' ? OCI_MANIFEST : OCI_LAYER;
  return document(OCI_INDEX, { manifests: [{ mediaType, digest, size }] });
}

/** An image whose own content the stranger has; see `OWN`. */
function image(fields: object): Sent {
  const own = { mediaType: OCI_CONFIG, digest: OWN.digest, size: OWN.bytes.length };
  return document(OCI_MANIFEST, { config: own, layers: [], ...fields });
}

function document(mediaType: string, fields: object): Sent {
  const body = JSON.stringify({ schemaVersion: 2, mediaType, ...fields });
  return { headers: { 'content-type': mediaType }, body };
}

/** A blob that the stranger is to have. */
export const OWN = {
  bytes: Buffer.from('{}'),
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
};
