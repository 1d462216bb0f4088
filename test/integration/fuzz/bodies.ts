import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { Choice } from '#test/support/choice.ts';
import { DIGEST } from './targets.ts';

const config = { mediaType: OCI_CONFIG, digest: DIGEST, size: 2 };
const layer = { mediaType: OCI_LAYER, digest: DIGEST, size: 10 };
const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...layer, mediaType: OCI_MANIFEST }] };

const WRONG = [null, true, -1, 1.5, 1e300, '', 'x', [], {}, [[]], { a: 1 }, '\u0000', 'x'.repeat(5000)];

type Make = (choice: Choice) => string;

/** None of these can be pushed as a manifest, whatever its Content-Type says. */
const BODIES: readonly Make[] = [
  () => '',
  () => '{',
  () => 'null',
  () => '\uFEFF{}',
  () => '{"schemaVersion":2',
  () => '['.repeat(50_000),
  () => '{"a":'.repeat(20_000),
  () => `[${'{},'.repeat(50_000)}{}]`,
  () => `{"schemaVersion":2,"manifests":[${'0,'.repeat(60_000)}0]}`,
  () => `{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":${i}`).join()}}`,
  () => JSON.stringify({ ...image, layers: Array.from({ length: 4100 }, () => layer) }),
  () => JSON.stringify({ ...image, manifests: index.manifests }),
  () => JSON.stringify({ ...index, layers: [layer] }),
  () => JSON.stringify(image).replace('{', '{"layers":[],'),
  () => JSON.stringify(index).replace('{', '{"manifests":[],'),
  () => JSON.stringify(image).replace('{', '{"__proto__":{"mediaType":"x"},'),
  () => JSON.stringify(image).replace('{', '{"constructor":{"prototype":{"a":1}},"Layers":[],'),
  () => JSON.stringify({ ...image, schemaVersion: 1 }),
  (choice) =>
    JSON.stringify({ ...image, [choice.pick(REQUIRED)]: choice.pick(WRONG.filter((x) => x !== 2)) }),
  (choice) =>
    JSON.stringify({
      ...image,
      layers: [{ ...layer, [choice.pick(['digest', 'size'])]: choice.pick(WRONG) }],
    }),
  (choice) => JSON.stringify({ ...index, manifests: [{ ...layer, digest: choice.pick(WRONG) }] }),
  (choice) => String.fromCharCode(...choice.some(2000, () => choice.below(256))),
];

const REQUIRED = ['schemaVersion', 'config'];

/** A body that is no manifest, as latin1 or UTF-8. */
export function randomBody(choice: Choice): Buffer {
  return Buffer.from(choice.pick(BODIES)(choice), choice.chance(0.8) ? 'utf8' : 'latin1');
}
