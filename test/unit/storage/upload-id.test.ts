import { expect, it } from 'vitest';
import { parseUploadId, regionOfUpload } from '#libs/upload-id.ts';
import { createUploadIds } from '#services/storage/uploads/ids.ts';

const key = Buffer.alloc(32, 7);

it('an upload id names its region, whatever the region is called', () => {
  for (const region of ['eu', 'us-east-1', 'a.b']) {
    const id = createUploadIds(region, key).create({ repository: 'team/app' });
    expect(regionOfUpload(id)).toBe(region);
    expect(encodeURIComponent(id)).toBe(id);
  }
});

it.each(['', '.', 'eu', 'eu.a', '.a.b', 'eu..b', 'eu.a.', 'e/u.a.b', '../x.a.b', `eu.a.${'b'.repeat(300)}`])(
  '%j is no upload id',
  (text) => {
    expect(() => parseUploadId(text)).toThrow(expect.objectContaining({ code: 'BLOB_UPLOAD_UNKNOWN' }));
  },
);

it('an upload id is good only with the key, the region and the repository that it was made for', () => {
  const ids = createUploadIds('eu', key);
  const id = ids.create({ repository: 'team/app' });
  ids.check(id, { repository: 'team/app' });
  const unknown = expect.objectContaining({ code: 'BLOB_UPLOAD_UNKNOWN' }) as unknown;
  expect(() => ids.check(id, { repository: 'team/other' })).toThrow(unknown);
  expect(() => createUploadIds('us', key).check(id, { repository: 'team/app' })).toThrow(unknown);
  expect(() => createUploadIds('eu', Buffer.alloc(32, 8)).check(id, { repository: 'team/app' })).toThrow(
    unknown,
  );
});

it('an upload that someone has begun is nobody else’s, and not that of one who is not known', () => {
  const ids = createUploadIds('eu', key);
  const repository = 'team/app';
  const unknown = expect.objectContaining({ code: 'BLOB_UPLOAD_UNKNOWN' }) as unknown;
  const id = ids.create({ repository, owner: 'a1' });
  ids.check(id, { repository, owner: 'a1' });
  expect(() => ids.check(id, { repository, owner: 'a2' })).toThrow(unknown);
  expect(() => ids.check(id, { repository })).toThrow(unknown);
  expect(() => ids.check(ids.create({ repository }), { repository, owner: 'a1' })).toThrow(unknown);
});
