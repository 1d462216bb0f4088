import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { EXIT, Exit, wrongUsage } from './exit.ts';
import { didYouMean } from './nearest.ts';

/** Options that every command takes. */
export const COMMON_OPTIONS = {
  registry: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

type Parsed<O extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O & typeof COMMON_OPTIONS; allowPositionals: true }>
>;

/** A command's options and what stands beside them. Throws an Exit for wrong usage, with a sentence. */
export function parseArguments<const O extends ParseArgsOptionsConfig>(
  args: readonly string[],
  own: O,
): Parsed<O> {
  const options = { ...COMMON_OPTIONS, ...own };
  requireKnown(args, options);
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const [sentence = ''] = error instanceof Error ? error.message.split('\n') : [];
    throw new Exit(EXIT.usage, sentence.replace(/\.?$/, '.'), { cause: error });
  }
}

/** The command's name and what is left for it: options may stand before it too. */
export function splitCommand(argv: readonly string[]): { name: string | undefined; args: string[] } {
  const { tokens } = parseArgs({
    args: [...argv],
    options: COMMON_OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const command = tokens.find(({ kind }) => kind === 'positional' || kind === 'option-terminator');
  if (command?.kind !== 'positional') return { name: undefined, args: [...argv] };
  return { name: command.value, args: argv.filter((_, index) => index !== command.index) };
}

export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.some((arg, index) => (arg === '--help' || arg === '-h') && (end === -1 || index < end));
}

/** Throws for more words than the command takes. */
export function requireNoMore(positionals: readonly string[], taken: number): void {
  const [extra] = positionals.slice(taken);
  if (extra !== undefined) throw wrongUsage(`Nothing was expected at "${extra}".`);
}

function requireKnown(args: readonly string[], options: ParseArgsOptionsConfig): void {
  const { tokens } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const meant = didYouMean(token.name, Object.keys(options), '--');
    throw wrongUsage(`There is no option ${token.rawName}${meant === '' ? '.' : meant}`);
  }
}
