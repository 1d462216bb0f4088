import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { digestOf, type Digest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { RecordedReference } from '#services/replication/catalog/manifest-record.ts';
import { openView } from '#services/replication/catalog/view/open-view.ts';
import { headEvent, manifestEvent, repositoryEvent, schemaEvent } from './events.ts';

const app = parseRepositoryName('team/app');
const digest = (text: string): Digest => digestOf(Buffer.from(text));
const manifest = digest('manifest');
const reference = (text: string, owned: boolean): RecordedReference => ({
  ...{ digest: digest(text), size: text.length, mediaType: 'application/x', role: 'layer', owned },
});

it('what a manifest names is told of when it is owned otherwise than before, and not when it is only pushed again', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'meridian-view-'));
  const view = openView(dataDir);
  onTestFinished(() => {
    view.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const content: (readonly Digest[])[] = [];
  view.subscribe((change) => content.push(change.content));
  const push = (revision: number, pushedBy: string, references: readonly RecordedReference[]): void =>
    view.apply(
      [manifestEvent(app, manifest, references, revision, 100, { pushedBy }), headEvent(revision)],
      revision,
    );
  view.apply([schemaEvent('c', 1), repositoryEvent(app, 1), headEvent(1)], 1);

  const first = [reference('there', true), reference('to come', false)];
  push(2, 'ana', first);
  push(3, 'ben', first);
  expect(view.manifest(app, manifest)?.pushedBy).toBe('ben');
  expect(view.owns(app, digest('there'))).toBe(5);
  expect(view.owns(app, digest('to come'))).toBeUndefined();

  push(
    4,
    'ben',
    first.map((one) => ({ ...one, owned: true })),
  );
  expect(view.owns(app, digest('to come'))).toBe(7);
  const [, pushed, again, adopted] = content.map((digests) => new Set(digests));
  expect(pushed).toEqual(new Set([manifest, digest('there')]));
  expect(again).toEqual(new Set([manifest]));
  expect(adopted).toEqual(new Set([manifest, digest('there'), digest('to come')]));
});
