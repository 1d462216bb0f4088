import { describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { createPace, type ChangedManifest, type Pace } from '#services/replication/transfer/pace.ts';

const neverAborts = new AbortController().signal;
const manifest = (i: number): ChangedManifest => ({
  repository: parseRepositoryName('team/app'),
  digest: digestOf(Buffer.from(String(i))),
});

function rested(): Pace {
  const pace = createPace({ intervalMs: 60_000, maxPauseMs: 60_000 });
  pace.take();
  pace.ended({ complete: true, surveyMs: 0 });
  return pace;
}

describe('the pace of the reconcile loop', () => {
  it('begins with a look at everything', async () => {
    const pace = createPace({ intervalMs: 60_000, maxPauseMs: 60_000 });
    await pace.due(neverAborts);
    expect(pace.take()).toBeUndefined();
  });

  it('then looks at what changes, each once', async () => {
    const pace = rested();
    const due = pace.due(neverAborts);
    pace.changed([manifest(1), manifest(2)]);
    pace.changed([manifest(1)]);
    await due;
    expect(pace.take()).toEqual([manifest(1), manifest(2)]);
  });

  it('looks at everything when too much has changed, or nobody knows what', async () => {
    const many = rested();
    many.changed(Array.from({ length: 1_001 }, (_, i) => manifest(i)));
    await many.due(neverAborts);
    expect(many.take()).toBeUndefined();
    const unknown = rested();
    unknown.changed();
    await unknown.due(neverAborts);
    expect(unknown.take()).toBeUndefined();
  });

  it('looks at everything again after a failure, without being told', async () => {
    const pace = createPace({ intervalMs: 60_000, maxPauseMs: 10 });
    pace.take();
    pace.ended({ complete: false, surveyMs: 0 });
    await pace.due(neverAborts);
    expect(pace.take()).toBeUndefined();
  });

  it('wakes when the loop is stopped', async () => {
    const pace = rested();
    const abort = new AbortController();
    const due = pace.due(abort.signal);
    abort.abort(new Error('stopped'));
    await expect(due).rejects.toThrow('stopped');
  });
});
