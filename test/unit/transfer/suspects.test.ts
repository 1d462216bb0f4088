import { describe, expect, it } from 'vitest';
import { createSuspects } from '#services/replication/transfer/suspects.ts';

describe('suspects', () => {
  it('are guilty when they alone made a wrong copy, and doubtful when they did with others', () => {
    const suspects = createSuspects(60_000);
    suspects.blame('a', new Set(['us', 'eu']));
    suspects.blame('a', new Set(['eu']));
    expect(suspects.guilty('a')).toEqual(new Set(['eu']));
    expect(suspects.doubtful('a')).toEqual(new Set(['us', 'eu']));
    expect(suspects.guilty('b')).toEqual(new Set());
  });

  it('are forgiven after a while', async () => {
    const suspects = createSuspects(20);
    suspects.blame('a', new Set(['us']));
    expect(suspects.guilty('a')).toEqual(new Set(['us']));
    await expect.poll(() => suspects.guilty('a').size).toBe(0);
  });
});
