/** What the program's exit code tells scripts. */
export const EXIT = {
  done: 0,
  /** It was asked and is not so: refused, damaged, not durable in time. */
  notSo: 1,
  usage: 2,
  unreachable: 3,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What ends the program early: a sentence for the user, and the code for scripts. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly code: ExitCode;
  /** What the registry told besides, for `--json`. */
  readonly detail: unknown;

  constructor(code: ExitCode, message: string, options: ErrorOptions & { readonly detail?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.detail = options.detail;
  }
}

export function wrongUsage(message: string): Exit {
  return new Exit(EXIT.usage, message);
}
