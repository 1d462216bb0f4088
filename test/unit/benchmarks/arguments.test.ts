import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseArguments, usage } from '../../../benchmarks/cli/arguments.ts';
import { scenarios } from '../../../benchmarks/scenarios/all.ts';

const known = [{ name: 'hot' }, { name: 'push' }, { name: 'long', inQuick: false }, { name: 'trace' }];

describe('the options of the benchmark', () => {
  it('run everything at full length where nothing is said', () => {
    expect(parseArguments([], known)).toMatchObject({
      ...{
        scenarios: ['hot', 'push', 'long', 'trace'],
        rounds: 5,
        roundMs: 3_000,
        warmUpMs: 3_000,
        scale: 1,
        seed: 1,
        logsRequests: true,
      },
    });
  });

  it('choose scenarios in their own order, peers by name, and shorter rounds', () => {
    const args = [
      '--quick',
      '--scenario',
      'push,hot',
      '--peer',
      'zot=bin/zot',
      '--peer',
      'distribution3=/r',
      '--no-request-logs',
    ];
    expect(parseArguments(args, known)).toMatchObject({
      ...{ quick: true, scenarios: ['hot', 'push'], rounds: 2, roundMs: 300, warmUpMs: 400, scale: 0.25 },
      ...{
        logsRequests: false,
        peers: new Map([
          ['zot', resolve('bin/zot')],
          ['distribution3', '/r'],
        ]),
      },
    });
  });

  it('leave out with --quick what takes long, unless it is named', () => {
    expect(parseArguments(['--quick'], known).scenarios).toEqual(['hot', 'push', 'trace']);
    expect(parseArguments(['--quick', '--scenario', 'long'], known).scenarios).toEqual(['long']);
  });

  it.each([
    [['--scenario', 'hop'], '--scenario hop: expected some of hot, push, long, trace.'],
    [['--peer', 'harbor=/x'], '--peer harbor=/x: expected NAME=BINARY'],
    [['--rounds', '0'], '--rounds 0: expected a whole number from 1.'],
    [['--seconds', '0'], '--seconds 0: expected seconds'],
    [['--scale', '9'], '--scale 9: expected a number'],
    [['--warm-up', 'x'], '--warm-up x: expected seconds'],
  ])('%j are refused with a sentence', (args, message) => {
    expect(() => parseArguments(args, known)).toThrow(message);
  });

  it('are explained, each scenario too', () => {
    for (const { name, title } of scenarios)
      expect(usage(scenarios)).toMatch(new RegExp(`${name} +\\*? *${title}`));
  });
});
