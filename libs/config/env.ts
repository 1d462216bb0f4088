import type { z } from 'zod';
import { ConfigError } from './errors.ts';
import { nearest } from './nearest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One value of the configuration and the environment variables it is read from. */
export interface Setting<T> {
  readonly variables: readonly string[];
  /** `value` gives a variable's text, undefined where it is unset or empty. Throws a ConfigError. */
  read(value: (variable: string) => string | undefined): T;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The values that a table of settings stands for. */
export type ValuesOf<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** What a variable's text must be (libs/config/values.ts has the usual ones); its description says it in words. */
export type Value<T> = z.ZodType<T, string>;

const OWN_PREFIX = 'MERIDIAN_';
/** Variables for the tests, which services started by a test inherit. */
const TEST_PREFIXES = ['MERIDIAN_TEST_', 'MERIDIAN_FAULTS', 'MERIDIAN_FAILPOINT'];

/**
 * Reads every setting from the environment. Throws one ConfigError that names everything that is wrong, unknown
 * variables of Meridian's included: they are misspelt ones.
 */
export function readEnv<S extends Settings>(settings: S, env: Environment): ValuesOf<S> {
  const problems: string[] = [];
  const value = (variable: string): string | undefined => {
    const text = env[variable]?.trim();
    return text === '' ? undefined : text;
  };
  const values = Object.entries(settings).map(([name, setting]) => {
    try {
      return [name, setting.read(value)];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return [name, undefined];
    }
  });
  const known = Object.values(settings)
    .flatMap(({ variables }) => variables)
    .filter((variable) => variable.startsWith(OWN_PREFIX));
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith(OWN_PREFIX)) continue;
    if (TEST_PREFIXES.some((prefix) => variable.startsWith(prefix))) continue;
    if (!known.includes(variable)) problems.push(unknownVariable(variable, known));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.fromEntries(values) as ValuesOf<S>;
}

/** A setting of one variable; without a fallback the variable must be set. */
export function setting<T>(variable: string, value: Value<T>, fallback?: T): Setting<T> {
  return {
    variables: [variable],
    read: (valueOf) => {
      const text = valueOf(variable);
      if (text !== undefined) return parse(variable, value, text);
      if (fallback !== undefined) return fallback;
      throw new ConfigError([`${variable} must be set to ${expectation(value)}.`]);
    },
  };
}

/** A setting of one variable that may be left out. */
export function optionalSetting<T>(variable: string, value: Value<T>): Setting<T | undefined> {
  return {
    variables: [variable],
    read: (valueOf) => {
      const text = valueOf(variable);
      return text === undefined ? undefined : parse(variable, value, text);
    },
  };
}

function parse<T>(variable: string, value: Value<T>, text: string): T {
  const result = value.safeParse(text);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const expected = issue?.code === 'custom' ? issue.message : expectation(value);
  throw new ConfigError([`${variable} must be ${expected}; it is "${shown(text)}".`]);
}

function expectation(value: Value<unknown>): string {
  return value.description ?? 'a valid value';
}

/** Passwords in URLs are kept out of messages and logs. */
function shown(text: string): string {
  return text.replaceAll(/\/\/[^\s,]*@/g, '//…@').slice(0, 200);
}

function unknownVariable(variable: string, known: readonly string[]): string {
  // All names begin alike; what follows tells them apart.
  const near = nearest(
    variable.slice(OWN_PREFIX.length),
    known.map((name) => name.slice(OWN_PREFIX.length)),
  );
  const hint = near === undefined ? 'Remove it.' : `Did you mean ${OWN_PREFIX}${near}?`;
  return `${variable} is not a variable of this service. ${hint}`;
}
