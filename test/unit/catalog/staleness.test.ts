import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createStaleness } from '#services/replication/catalog/staleness.ts';
import { openView, type FedView } from '#services/replication/catalog/view/open-view.ts';
import { headEvent, schemaEvent } from './events.ts';

/** A view of the catalog `c` at revision 1, and a clock that stands still unless it is set. */
function open(dataDir = temporaryDirectory(), since1970 = 1_800_000_000_000) {
  const clock = { monotonic: 1_000_000, since1970 };
  const view = openView(dataDir);
  if (view.position().catalogId === '') view.apply([schemaEvent('c', 1), headEvent(1)], 1);
  const staleness = createStaleness(view, {
    monotonicMs: () => clock.monotonic,
    nowMs: () => clock.since1970,
  });
  const pass = (ms: number): void => {
    clock.monotonic += ms;
    clock.since1970 += ms;
  };
  const observe = (revision: number, agoMs = 0, catalogId = 'c'): void =>
    staleness.observe({ catalogId, revision, startedAtMs: clock.monotonic - agoMs });
  return { view, staleness, clock, pass, observe };
}

const reach = (view: FedView, revision: number): void => view.apply([headEvent(revision)], revision);

it('counts from the start of the head read that the view has reached', () => {
  const { staleness, pass, observe } = open();
  observe(1, 40);
  expect(staleness.ms()).toBe(40);
  pass(500);
  expect(staleness.ms()).toBe(540);
});

it('goes on growing while the view is behind, until it gets there', () => {
  const { view, staleness, pass, observe } = open();
  observe(1);
  pass(1_000);
  observe(5);
  pass(1_000);
  observe(7);
  pass(1_000);
  expect(staleness.ms()).toBe(3_000);
  reach(view, 5);
  expect(staleness.ms()).toBe(2_000);
  reach(view, 8);
  expect(staleness.ms()).toBe(1_000);
});

it('tells a view that stands still from one that is behind but moves', () => {
  const { view, staleness, pass, observe } = open();
  pass(10_000);
  expect(staleness.stuckMs()).toBe(0);
  observe(9);
  pass(3_000);
  expect(staleness.stuckMs()).toBe(3_000);
  reach(view, 5);
  pass(1_000);
  observe(9);
  expect(staleness.stuckMs()).toBe(1_000);
  reach(view, 9);
  expect(staleness.stuckMs()).toBe(0);
});

it('does not wait for heads of a catalog that is no more', () => {
  const { staleness, observe } = open();
  observe(100, 0, 'another');
  observe(1);
  expect(staleness.ms()).toBe(0);
  expect(staleness.stuckMs()).toBe(0);
});

it('is unknown, and great, before anything was read', () => {
  expect(open().staleness.ms()).toBeGreaterThan(1_000_000_000);
});

it('goes on over a restart from when the view was last known to be up to date', () => {
  const dataDir = temporaryDirectory();
  const before = open(dataDir);
  before.observe(1);
  before.view.close();
  const after = open(dataDir, before.clock.since1970 + 60_000);
  expect(after.staleness.ms()).toBe(60_000);
  after.pass(5);
  expect(after.staleness.ms()).toBe(60_005);
  after.observe(1);
  expect(after.staleness.ms()).toBe(0);
});

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'meridian-staleness-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
