import type { Manifest } from '#libs/oci/manifest.ts';
import {
  MAX_RECORD_ANNOTATION_BYTES,
  type ManifestRecord,
  type RecordedReference,
} from '../manifest-record.ts';
import type { Push } from './request.ts';

/** What the catalog keeps of a manifest. */
export function recordOf(
  { size, pushedBy }: Push,
  { mediaType, kind, subject, artifactType, annotations }: Manifest,
  references: readonly RecordedReference[],
  pushed: Pick<ManifestRecord, 'where' | 'pushedAtMs'>,
): ManifestRecord {
  const fits = Buffer.byteLength(JSON.stringify(annotations)) <= MAX_RECORD_ANNOTATION_BYTES;
  return {
    mediaType,
    size,
    kind,
    references,
    ...(subject === undefined ? {} : { subject: subject.digest }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(fits ? { annotations } : {}),
    ...pushed,
    pushedBy,
  };
}
