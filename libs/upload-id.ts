import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';

/** The pieces of an upload's id, `<region>.<random>.<mac>`; the last two are base64url. Whether the mac is right only its region knows. */
export interface UploadId {
  readonly region: string;
  readonly random: string;
  readonly mac: string;
}

/** Longest id that is looked at, in characters. */
const MAX_UPLOAD_ID_LENGTH = 200;
const PATTERN = /^([A-Za-z0-9][A-Za-z0-9._-]*)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** Throws BLOB_UPLOAD_UNKNOWN for what no region can have given out. */
export function parseUploadId(id: string): UploadId {
  const match = id.length <= MAX_UPLOAD_ID_LENGTH ? PATTERN.exec(id) : null;
  const [, region, random, mac] = match ?? [];
  if (region === undefined || random === undefined || mac === undefined) throw unknownUpload(id);
  return { region, random, mac };
}

/** The region where an upload lies, to route its requests. Throws BLOB_UPLOAD_UNKNOWN for what is no upload's id. */
export function regionOfUpload(id: string): string {
  return parseUploadId(id).region;
}

/** For a writer that believes the upload to stand elsewhere; `detail.offset` tells where it stands. */
export function wrongOffset(offset: number, asked: number): RegistryError {
  return new RegistryError(
    'RANGE_INVALID',
    `The upload stands at ${offset} bytes, but the chunk starts at ${asked}. Go on from ${offset}.`,
    { detail: { offset } },
  );
}

/** One error for every way an upload can't be found, so that guessing ids teaches nothing. */
export function unknownUpload(id: string): RegistryError {
  return new RegistryError(
    'BLOB_UPLOAD_UNKNOWN',
    `The upload ${quote(id)} is not known in this repository: it was finished or cancelled, has expired, or was never opened. Start a new upload.`,
  );
}
