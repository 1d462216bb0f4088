import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { parseUploadId, unknownUpload } from '#libs/upload-id.ts';

/** Not to be guessed, and short enough for a URL. */
const MAC_BYTES = 16;

/** Whose an upload is. */
export interface Belonging {
  readonly repository: string;
  /** Absent where nobody is known to have begun it. */
  readonly owner?: string;
}

/** Makes and checks the ids of one region's uploads. */
export interface UploadIds {
  create(belonging: Belonging): string;
  /** Throws BLOB_UPLOAD_UNKNOWN unless this region gave out the id for the repository and the owner. */
  check(id: string, belonging: Belonging): void;
}

export function createUploadIds(region: string, key: Uint8Array): UploadIds {
  const macOf = (random: string, { repository, owner }: Belonging): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([region, random, repository, ...(owner === undefined ? [] : [owner])]))
      .digest()
      .subarray(0, MAC_BYTES);
  return {
    create: (belonging) => {
      const random = randomUUID();
      return `${region}.${random}.${macOf(random, belonging).toString('base64url')}`;
    },
    check: (id, belonging) => {
      const parsed = parseUploadId(id);
      const given = Buffer.from(parsed.mac, 'base64url');
      const valid =
        parsed.region === region &&
        // base64url has several spellings of the same bytes; only one names the upload's file.
        given.toString('base64url') === parsed.mac &&
        given.length === MAC_BYTES &&
        timingSafeEqual(given, macOf(parsed.random, belonging));
      if (!valid) throw unknownUpload(id);
    },
  };
}
