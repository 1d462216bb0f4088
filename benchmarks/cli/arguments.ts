import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Scenario } from '../scenarios/scenario.ts';

/** What `npm run bench -- …` may be told. */
export interface BenchArguments {
  readonly quick: boolean;
  /** In the order of the suite. */
  readonly scenarios: readonly string[];
  readonly seed: number;
  /** Other registries' binaries by the names of the peers. */
  readonly peers: ReadonlyMap<string, string>;
  /** Only these of them; undefined: all there are. */
  readonly beside: readonly string[] | undefined;
  readonly report: string;
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** Sizes of large content are multiplied by it. */
  readonly scale: number;
  readonly logsRequests: boolean;
  /** Where servers keep their data while they are measured; undefined: the system's directory for temporary files. */
  readonly dir: string | undefined;
  readonly help: boolean;
}

/** Peers whose binaries an option may name. */
export const PEER_NAMES = ['distribution2', 'distribution3', 'zot'] as const;

/** Long enough for compilers and caches. */
const MIN_WARM_UP_MS = 1_500;
const MIN_QUICK_WARM_UP_MS = 400;

export function usage(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return `Usage: npm run bench [-- options]

Measures Meridian beside other registries, one at a time in turns, and writes results.json and report.html.

  --quick              everything smaller and shorter: in under three minutes
  --scenario NAME,…    only these; where none is named all, with --quick those marked *:
${scenarios.map(({ name, title, inQuick = true }) => `                         ${name.padEnd(width)} ${inQuick ? '*' : ' '} ${title}`).join('\n')}
  --peer NAME=BINARY   another registry beside it: ${PEER_NAMES.join(', ')}; may be repeated (Debian's docker-registry is found by itself)
  --beside NAME,…      only these of the peers, or none
  --rounds N           how often each case is measured at each server (default: 5; with --quick 2)
  --seconds N          how long a round of requests takes (default: 3; with --quick 0.3)
  --warm-up N          seconds of the round before them that is not counted (default: as a round, at least 1.5, with --quick 0.4)
  --scale N            sizes of large content, times this (default: 1; with --quick 0.25)
  --seed N             another workload (default: 1)
  --no-request-logs    no server writes a line for each request; unless told so, all do
  --dir DIR            where the servers keep their data meanwhile (default: the system's temporary directory)
  --report DIR         where results go (default: data/bench)
  --help               this text
`;
}

/** Throws an Error whose message is for the user. */
export function parseArguments(
  argv: readonly string[],
  known: readonly Pick<Scenario, 'name' | 'inQuick'>[],
): BenchArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: '1' },
      peer: { type: 'string', multiple: true, default: [] },
      report: { type: 'string', default: 'data/bench' },
      beside: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      scale: { type: 'string' },
      'no-request-logs': { type: 'boolean', default: false },
      dir: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const roundMs = milliseconds('--seconds', values.seconds ?? (quick ? '0.3' : '3'));
  return {
    quick,
    scenarios: chosen(
      values.scenario.flatMap((names) => names.split(',')),
      known,
      quick,
    ),
    seed: wholeNumber('--seed', values.seed, 0),
    peers: new Map(values.peer.map(parsePeer)),
    beside: values.beside?.split(','),
    report: resolve(values.report),
    rounds: wholeNumber('--rounds', values.rounds ?? (quick ? '2' : '5'), 1),
    roundMs,
    warmUpMs:
      values['warm-up'] === undefined
        ? Math.max(quick ? MIN_QUICK_WARM_UP_MS : MIN_WARM_UP_MS, roundMs)
        : milliseconds('--warm-up', values['warm-up']),
    scale: factor(values.scale ?? (quick ? '0.25' : '1')),
    logsRequests: !values['no-request-logs'],
    dir: values.dir === undefined ? undefined : resolve(values.dir),
    help: values.help,
  };
}

function chosen(
  wanted: readonly string[],
  scenarios: readonly Pick<Scenario, 'name' | 'inQuick'>[],
  quick: boolean,
): string[] {
  const known = scenarios.map(({ name }) => name);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--scenario ${unknown}: expected some of ${known.join(', ')}.`);
  if (wanted.length > 0) return known.filter((name) => wanted.includes(name));
  return scenarios.filter(({ inQuick = true }) => inQuick || !quick).map(({ name }) => name);
}

function parsePeer(text: string): [name: string, binary: string] {
  const [name = '', ...path] = text.split('=');
  const isKnown = PEER_NAMES.some((peer) => peer === name);
  if (!isKnown || path.length === 0)
    throw new Error(`--peer ${text}: expected NAME=BINARY, where NAME is one of ${PEER_NAMES.join(', ')}.`);
  return [name, resolve(path.join('='))];
}

function wholeNumber(option: string, text: string, min: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= min) return number;
  throw new Error(`${option} ${text}: expected a whole number from ${min}.`);
}

function factor(text: string): number {
  const number = Number(text);
  if (number > 0 && number <= 4) return number;
  throw new Error(`--scale ${text}: expected a number, more than 0 and at most 4.`);
}

function milliseconds(option: string, text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 3_600) return seconds * 1_000;
  throw new Error(`${option} ${text}: expected seconds, more than 0 and at most 3600.`);
}
