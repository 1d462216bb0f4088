import type { Choice } from '#test/support/choice.ts';

const NUMBERS = [
  '0',
  '1',
  '-1',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551616',
  '1e400',
  '00',
];
const HOSTILE = [
  '\0',
  '\n',
  '\r\n',
  '%00',
  '%2F',
  '"',
  '\\',
  '../',
  '__proto__',
  'constructor',
  '\ud800',
  '٣',
];

export interface Material {
  readonly tokens: readonly string[];
  /** Inputs that were worth keeping. */
  readonly corpus: readonly Buffer[];
  readonly maxBytes: number;
}

type Mutation = (input: Buffer, choice: Choice, material: Material) => Buffer;

/** Another input, a few changes away from one. */
export function mutated(input: Buffer, choice: Choice, material: Material): Buffer {
  let changed = input;
  for (let left = 1 + choice.below(4); left > 0; left--)
    changed = choice.pick(MUTATIONS)(changed, choice, material).subarray(0, material.maxBytes);
  return changed;
}

const MUTATIONS: readonly Mutation[] = [
  (input, choice) => {
    const changed = Buffer.from(input);
    if (changed.length > 0) changed[choice.below(changed.length)] = choice.below(256);
    return changed;
  },
  (input, choice) => replaced(input, choice, Buffer.alloc(0)),
  (input, choice) => inserted(input, choice, Buffer.from([choice.below(128)])),
  ...[inserted, replaced, inserted].map(
    (put): Mutation =>
      (input, choice, { tokens }) =>
        put(input, choice, Buffer.from(choice.pick([...tokens, ...NUMBERS, ...HOSTILE]))),
  ),
  (input, choice) => inserted(input, choice, pieceOf(input, choice)),
  (input, choice) =>
    inserted(input, choice, Buffer.concat(Array(1 + choice.below(60)).fill(pieceOf(input, choice)))),
  (input, choice, { corpus }) => inserted(input, choice, pieceOf(choice.pick(corpus), choice)),
  (input, choice, { corpus }) => {
    const other = choice.pick(corpus);
    const tail = other.subarray(choice.below(other.length + 1));
    return Buffer.concat([input.subarray(0, choice.below(input.length + 1)), tail]);
  },
  (input, choice) => input.subarray(0, choice.below(input.length + 1)),
  (input) => Buffer.from(input.toString('latin1').toUpperCase(), 'latin1'),
];

function inserted(input: Buffer, choice: Choice, piece: Buffer): Buffer {
  const at = choice.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), piece, input.subarray(at)]);
}

/** The piece in the place of some bytes. */
function replaced(input: Buffer, choice: Choice, piece: Buffer): Buffer {
  const start = choice.below(input.length + 1);
  const end = Math.min(input.length, start + 1 + choice.below(choice.chance(0.7) ? 4 : 40));
  return Buffer.concat([input.subarray(0, start), piece, input.subarray(end)]);
}

function pieceOf(input: Buffer, choice: Choice): Buffer {
  const start = choice.below(input.length + 1);
  return input.subarray(start, start + 1 + choice.below(16));
}
