import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { WatchEvent } from '#libs/etcd/store.ts';
import { digestOf, type Digest } from '#libs/oci/digest.ts';
import type { ReferenceRole } from '#libs/oci/manifest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { manifestKey, repositoryKey, tagKey } from '#services/replication/catalog/keys.ts';
import type { RecordedReference } from '#services/replication/catalog/manifest-record.ts';
import { openView } from '#services/replication/catalog/view/open-view.ts';
import type { ViewChange } from '#services/replication/catalog/view/view.ts';
import {
  deleteEvent,
  headEvent,
  manifestEvent,
  putEvent,
  repositoryEvent,
  schemaEvent,
  tagEvent,
} from './events.ts';
import { thrownBy } from './thrown.ts';

const app = parseRepositoryName('team/app');
const other = parseRepositoryName('team/other');
const digest = (text: string): Digest => digestOf(Buffer.from(text));
const reference = (text: string, role: ReferenceRole, owned = true): RecordedReference => ({
  digest: digest(text),
  size: text.length,
  mediaType: 'application/x',
  role,
  owned,
});

function open(events: readonly WatchEvent[] = []) {
  const dataDir = mkdtempSync(join(tmpdir(), 'meridian-view-'));
  const view = openView(dataDir);
  onTestFinished(() => {
    view.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  view.apply([schemaEvent('c', 1), ...events, headEvent(1)], 1);
  return { view, dataDir };
}

const image = [
  reference('config', 'config'),
  reference('layer', 'layer'),
  reference('foreign', 'layer', false),
];
const pushed = [
  repositoryEvent(app, 1),
  manifestEvent(app, digest('m'), image, 1),
  tagEvent(app, '1', digest('m'), 1),
];

it('owns a manifest and what it names as owned, in its repository only', () => {
  const { view } = open(pushed);
  expect(view.owns(app, digest('m'))).toBe(100);
  expect(view.owns(app, digest('layer'))).toBe(5);
  expect(view.owns(app, digest('foreign'))).toBeUndefined();
  expect(view.owns(other, digest('layer'))).toBeUndefined();
});

it('forgets what a manifest owned when the manifest goes, unless another one owns it too', () => {
  const { view } = open([...pushed, manifestEvent(app, digest('n'), [reference('layer', 'layer')], 1)]);
  view.apply([deleteEvent(manifestKey(app, digest('m')), 2), headEvent(2)], 2);
  expect(view.owns(app, digest('config'))).toBeUndefined();
  expect(view.owns(app, digest('layer'))).toBe(5);
  expect(view.manifest(app, digest('m'))).toBeUndefined();
});

it('replaces what a manifest owns when it is put again', () => {
  const { view } = open(pushed);
  view.apply([manifestEvent(app, digest('m'), [reference('foreign', 'layer')], 2), headEvent(2)], 2);
  expect(view.owns(app, digest('foreign'))).toBe(7);
  expect(view.owns(app, digest('layer'))).toBeUndefined();
});

it('lists what is named without being owned, foreign layers apart, until it is owned or its manifest goes', () => {
  const foreign = {
    ...reference('far', 'layer', false),
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  };
  const named = [reference('here', 'layer'), reference('child', 'manifest', false), foreign];
  const { view } = open([
    ...pushed,
    manifestEvent(app, digest('index'), named, 1),
    manifestEvent(other, digest('n'), image, 1),
  ]);
  const row = (repository: typeof app, content: string, namedBy: string) => ({
    ...{ repository, digest: digest(content), size: content.length, isManifest: content === 'child' },
    namedBy: digest(namedBy),
  });
  const [child, layer, elsewhere] = [
    row(app, 'child', 'index'),
    row(app, 'foreign', 'm'),
    row(other, 'foreign', 'n'),
  ];
  expect(view.unownedBy(app, digest('index'))).toEqual([child]);
  expect(view.unownedAs(app, digest('foreign'), 9)).toEqual([layer]);
  const pages = [];
  for (let page = view.unowned(undefined, 1); page.length > 0; page = view.unowned(page[0], 1)) {
    pages.push(...page);
  }
  expect(pages).toHaveLength(3);
  expect(pages).toEqual(expect.arrayContaining([child, layer, elsewhere]));
  expect(pages).toEqual(view.unowned(undefined, 9));

  const owned = named.map((content) => ({ ...content, owned: true }));
  view.apply([manifestEvent(app, digest('index'), owned, 2), headEvent(2)], 2);
  view.apply([deleteEvent(manifestKey(other, digest('n')), 3), headEvent(3)], 3);
  expect(view.unowned(undefined, 9)).toEqual([layer]);
});

it('expands an index to all that its children own, each once, also where indexes go round in a circle', () => {
  const { view } = open([
    manifestEvent(app, digest('m'), image, 1),
    manifestEvent(app, digest('index'), [reference('m', 'manifest'), reference('cache', 'blob')], 1, 50),
    manifestEvent(
      app,
      digest('outer'),
      [reference('index', 'manifest'), reference('outer', 'manifest')],
      1,
      60,
    ),
  ]);
  const digests = view.closure(app, [digest('outer'), digest('index')]).map((content) => content.digest);
  const expected = ['outer', 'index', 'm', 'cache', 'config', 'layer'].map(digest);
  expect(digests.toSorted()).toEqual(expected.toSorted());
  expect(view.closure(other, [digest('outer')])).toEqual([]);
});

it('wants every manifest, then configs, then the rest, each once, over many pages', () => {
  const events: WatchEvent[] = [];
  const expected = { manifest: new Set<string>(), config: new Set<string>(), layer: new Set<string>() };
  for (let i = 0; i < 1_200; i++) {
    const repository = i % 2 === 0 ? app : other;
    // Many share their layers, and some a config that is a layer elsewhere.
    const references = [
      reference(`config ${i}`, 'config'),
      reference(`layer ${i % 700}`, 'layer'),
      reference(`config ${i + 1}`, 'layer'),
    ];
    events.push(manifestEvent(repository, digest(`m ${i % 900}`), references, 1));
    expected.manifest.add(digest(`m ${i % 900}`));
  }
  const { view } = open(events);
  const seen = [...view.wantedBlobs('us')];
  expect(new Set(seen.map((blob) => blob.digest)).size).toBe(seen.length);
  const order = seen.map(({ kind }) => ['manifest', 'config', 'layer'].indexOf(kind));
  expect(order).toEqual(order.toSorted());
  const manifests = seen.filter(({ kind }) => kind === 'manifest').map((blob) => blob.digest);
  expect(new Set<string>(manifests)).toEqual(expected.manifest);
  const owned = new Set(
    [app, other].flatMap((repository) =>
      view.closure(repository, manifests).map((content): string => content.digest),
    ),
  );
  expect(new Set<string>(seen.map((blob) => blob.digest))).toEqual(owned);
  for (const blob of seen.slice(0, 100)) expect(view.owns(blob.repository, blob.digest)).toBe(blob.size);
  expect(view.wantedOf(app, digest('m 0')).map(({ kind }) => kind)).toEqual([
    'manifest',
    'config',
    'layer',
    'layer',
  ]);
});

it('wants also the children of an index whose own record is gone', () => {
  const { view } = open([manifestEvent(app, digest('index'), [reference('gone', 'manifest')], 1)]);
  expect([...view.wantedBlobs('us')]).toEqual(
    [
      { kind: 'manifest', digest: digest('gone'), size: 4, repository: app },
      { kind: 'manifest', digest: digest('index'), size: 100, repository: app },
    ].toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
  );
});

it('tells what changed, in the turn in which it can be read', () => {
  const { view } = open(pushed);
  const changes: ViewChange[] = [];
  view.subscribe((change) => {
    changes.push(change);
    expect(view.tag(app, parseTag('2'))?.digest).toBe(digest('m'));
    expect(view.position()).toEqual(change.position);
  });
  view.apply(
    [tagEvent(app, '2', digest('m'), 2), deleteEvent(tagKey(app, parseTag('1')), 2), headEvent(2)],
    2,
  );
  expect(changes).toEqual([
    {
      position: { catalogId: 'c', revision: 2 },
      reset: false,
      tags: [
        { repository: app, tag: '2' },
        { repository: app, tag: '1' },
      ],
      manifests: [],
      content: [],
      repositories: [],
      auth: [],
      ...{ defaults: false, placements: false },
      regions: false,
    },
  ]);
  expect(view.tagsOf(app, digest('m'))).toEqual([{ tag: '2', modRevision: 2 }]);
});

it('takes nothing of a batch with a record that it can not read', () => {
  const { view } = open(pushed);
  const broken = putEvent(repositoryKey(other), Buffer.from('{"schema":99}'), 2);
  const error = thrownBy(() => view.apply([tagEvent(app, '2', digest('m'), 2), broken, headEvent(2)], 2));
  expect(error.message).toContain('/meridian/v1/repository/team/other');
  expect(view.tag(app, parseTag('2'))).toBeUndefined();
  expect(view.position().revision).toBe(1);
  expect(view.resumption().appliedRevision).toBe(1);
});

it('begins anew where its file is damaged, and refuses a directory in use', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'meridian-view-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  writeFileSync(
    join(dataDir, 'view.sqlite'),
    'this is no database, but it is long enough to be looked at as one'.repeat(100),
  );
  const view = openView(dataDir);
  expect(view.position()).toEqual({ catalogId: '', revision: 0 });
  expect(thrownBy(() => openView(dataDir))).toMatchObject({ code: 'CONFLICT' });
  view.close();
  openView(dataDir).close();
  expect(readdirSync(dataDir)).toEqual(['view.sqlite']);
});
