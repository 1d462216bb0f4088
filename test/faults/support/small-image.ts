import { randomBytes } from 'node:crypto';
import { digestOf, type Digest } from '#libs/oci/digest.ts';
import { OCI_EMPTY, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { pushBlob, send, type Answer } from '#test/support/registry-client.ts';

const EMPTY = Buffer.from('{}');

/** A manifest like no other, and what it names. */
export interface SmallImage {
  readonly manifest: string;
  readonly digest: Digest;
  readonly blobs: readonly Buffer[];
}

/** `layerBytes`: sizes of layers of random bytes, which come before those that are `given`. */
export function makeSmallImage(
  name: string,
  layerBytes: readonly number[] = [],
  given: readonly Buffer[] = [],
): SmallImage {
  const layers = [...layerBytes.map((size) => randomBytes(size)), ...given];
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: 'application/vnd.example.fault',
    config: { mediaType: OCI_EMPTY, digest: digestOf(EMPTY), size: EMPTY.length },
    layers: layers.map((bytes) => ({
      mediaType: 'application/octet-stream',
      digest: digestOf(bytes),
      size: bytes.length,
    })),
    annotations: { name },
  });
  return { manifest, digest: digestOf(Buffer.from(manifest)), blobs: [EMPTY, ...layers] };
}

/** Pushes blobs and manifest, each through the next of the registries; throws unless all of it is acknowledged. */
export async function pushSmallImage(
  registries: readonly string[],
  repository: string,
  tag: string,
  image: SmallImage,
): Promise<Answer> {
  const next = takeTurns(registries);
  for (const blob of image.blobs) await pushBlob(next(), repository, digestOf(blob), blob);
  const answer = await putManifest(next(), repository, tag, image.manifest);
  if (answer.status !== 201) throw new Error(`PUT gave ${answer.status}: ${answer.body.toString()}`);
  return answer;
}

export function putManifest(
  registry: string,
  repository: string,
  reference: string,
  manifest: string,
  more: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {},
): Promise<Answer> {
  return send(registry, 'PUT', `/v2/${repository}/manifests/${reference}`, {
    ...more,
    headers: { ...more.headers, 'content-type': OCI_MANIFEST },
    body: manifest,
  });
}

function takeTurns<T>(items: readonly T[]): () => T {
  let turn = 0;
  return () => items[turn++ % items.length] as T;
}
