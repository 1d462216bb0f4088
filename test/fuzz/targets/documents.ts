import assert from 'node:assert/strict';
import { isDigest } from '#libs/oci/digest.ts';
import { MAX_JSON_DEPTH, parseJson } from '#libs/oci/json.ts';
import { parseManifest } from '#libs/oci/manifest.ts';
import { DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { patchSettings } from '#services/replication/catalog/configure/patch.ts';
import { manifestRecord } from '#services/replication/catalog/manifest-record.ts';
import { defaultsRecord, repositoryRecord } from '#services/replication/catalog/records.ts';
import type { Target } from '../target.ts';
import { parsed, requireCleanPrototypes } from './outcome.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const DESCRIPTOR = `{"mediaType":"application/json","digest":"${DIGEST}","size":2}`;
const TYPES = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST];
const JSON_TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '""',
  '"a":1,',
  'null',
  'true',
  '\\u0061',
  '\\',
  '"',
  '{"a":',
  '[[[[',
];

export const DOCUMENT_TARGETS: readonly Target[] = [
  {
    name: 'manifest',
    seeds: [
      `{"schemaVersion":2,"mediaType":"${OCI_MANIFEST}","config":${DESCRIPTOR},"layers":[${DESCRIPTOR}]}`,
      `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${DESCRIPTOR}],"annotations":{"a":"b"}}`,
      `{"schemaVersion":2,"config":${DESCRIPTOR},"layers":[],"subject":${DESCRIPTOR},"artifactType":"a/b"}`,
      `{"schemaVersion":2,"manifests":[{"mediaType":"${OCI_MANIFEST}","digest":"${DIGEST}","size":0,"platform":{"os":"linux","os.features":[]},"urls":["x"],"data":"e30="}]}`,
    ],
    tokens: [
      ...JSON_TOKENS,
      ...TYPES.map((type) => `"${type}"`),
      ...['schemaVersion', 'mediaType', 'config', 'layers', 'manifests', 'subject', 'artifactType'].map(
        (field) => `"${field}":`,
      ),
      ...['Layers', 'fsLayers', 'digest', 'size', 'urls', 'annotations', 'platform', 'data'].map(
        (field) => `"${field}":`,
      ),
      ...[DIGEST, DESCRIPTOR, 'application/vnd.oci.image.layer.nondistributable.v1.tar'],
    ],
    maxBytes: 2_000,
    check: (input) => {
      const readings = [undefined, ...TYPES].map((type) =>
        parsed(() => parseManifest(input, type), 'MANIFEST_INVALID', 'TOO_LARGE'),
      );
      const read = readings.filter((manifest) => manifest !== undefined);
      // The same bytes are never an image to one client and an index to another (CVE-2021-41190).
      assert.ok(new Set(read.map(({ kind }) => kind)).size <= 1);
      const body = read.length === 0 ? undefined : (JSON.parse(input.toString()) as Record<string, unknown>);
      for (const { kind, mediaType, references, layers, manifests } of read) {
        assert.ok(TYPES.includes(mediaType));
        assert.ok(
          body !== undefined &&
            !(
              (kind === 'image' ? 'manifests' : 'layers') in body &&
              body[kind === 'image' ? 'manifests' : 'layers'] !== null
            ),
        );
        assert.ok(references.every(({ descriptor }) => isDigest(descriptor.digest) && descriptor.size >= 0));
        assert.equal(references.length, manifests.length + layers.length + (kind === 'image' ? 1 : 0));
      }
      requireCleanPrototypes();
    },
  },
  {
    name: 'json',
    seeds: ['{"a":[1,2,{"b":null}]}', '"\\ud800"', '['.repeat(40), '{"a":1,"\\u0061":2}'],
    tokens: [...JSON_TOKENS, '"__proto__":', '\\u005f', 'é'],
    check: (input) => {
      const value = parsed(() => ({ json: parseJson(input) }), 'MANIFEST_INVALID', 'TOO_LARGE');
      if (value === undefined) return;
      // Written again it has everything that came: no key was there twice, and none was taken for the prototype.
      const plain = JSON.stringify(value.json);
      assert.equal(JSON.stringify(parseJson(Buffer.from(plain))), plain);
      assert.ok(depthOf(value.json) <= MAX_JSON_DEPTH);
      requireCleanPrototypes();
    },
  },
  {
    name: 'settings',
    seeds: [
      '{"durability":2,"reads":"strong","maxStalenessMs":5,"missing":"accept"}',
      '{"untagged":{"deleteAfterMs":5},"regions":["us"]}',
      '{"placements":[{"pattern":"a/**","regions":["eu"]}],"reads":null}',
    ],
    tokens: [
      ...JSON_TOKENS,
      ...['durability', 'reads', 'maxStalenessMs', 'missing', 'untagged', 'regions', 'placements'].map(
        (name) => `"${name}":`,
      ),
      ...['"quorum"', '"keep"', '"deleteAfterMs":', '"pattern":', '"**"', '"us"', '"__proto__":'],
    ],
    check: (input) => {
      const patch = input.toString();
      for (const owner of ['repository', 'defaults'] as const) {
        const set = parsed(() => patchSettings({}, patch, owner), 'REQUEST_INVALID');
        if (set === undefined) continue;
        assert.deepEqual(patchSettings(set, patch, owner), set);
        const bytes = defaultsRecord.encode(set);
        assert.deepEqual(defaultsRecord.decode(bytes, 'defaults'), set);
      }
      requireCleanPrototypes();
    },
  },
  {
    name: 'records',
    seeds: ['{"schema":1,"incarnation":"x","state":"active"}', '{"schema":1,"__proto__":{"state":"active"}}'],
    tokens: [...JSON_TOKENS, '"schema":1', '"incarnation":', '"state":', '"active"', '"__proto__":'],
    check: (input) => {
      for (const codec of [repositoryRecord, manifestRecord]) {
        const record = parsed(() => codec.decode(input, 'key'), 'INTERNAL');
        // Transactions compare bytes, so that equal records must be.
        if (record !== undefined)
          assert.deepEqual(codec.decode(codec.encode(record as never), 'key'), record);
      }
      requireCleanPrototypes();
    },
  },
];

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
