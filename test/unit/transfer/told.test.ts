import { describe, expect, it } from 'vitest';
import { rememberTold } from '#services/replication/transfer/told.ts';

const eu = { region: 'eu' };
const ap = { region: 'ap' };

describe('the regions that were told of a repository', () => {
  it('come first in later choices for it, the others in the order they had', () => {
    const told = rememberTold();
    told.note('team/app', 'ap');
    expect(told.first('team/app', [eu, ap, { region: 'sa' }])).toEqual([ap, eu, { region: 'sa' }]);
  });

  it('say nothing of other repositories', () => {
    const told = rememberTold();
    told.note('team/app', 'ap');
    expect(told.first('team/other', [eu, ap])).toEqual([eu, ap]);
  });

  it('are left out where they are no choice', () => {
    const told = rememberTold();
    told.note('team/app', 'ap');
    expect(told.first('team/app', [eu])).toEqual([eu]);
  });
});
