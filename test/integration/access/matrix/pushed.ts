import { digestOf } from '#libs/oci/digest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { Sent } from '#test/support/registry-client.ts';

/** What the repository holds. */
export interface Content {
  readonly digest: string;
  readonly blob: string;
  readonly config: { readonly digest: string; readonly size: number };
  /** A blob of the secret repository. */
  readonly secretBlob: string;
}

/** A PUT by digest that sets a tag. */
export function byDigest(
  name: string,
  tag: string,
  sent: Sent & { readonly body: string },
): readonly [string, string, Sent] {
  const path = `/v2/${name}/manifests/${digestOf(Buffer.from(sent.body))}?tag=${tag}`;
  return ['PUT', path, sent];
}

/** An image, or with a salt another one. */
export function image({ config }: Content, salt?: string): Sent & { readonly body: string } {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, ...config },
    layers: [],
    ...(salt !== undefined && { annotations: { salt } }),
  });
  return { headers: { 'content-type': OCI_MANIFEST }, body };
}
