import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Value } from './env.ts';

/** Where a socket listens or connects to. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const MAX_PORT = 65_535;
const hostPortPattern = /^(?:\[(?<v6>[0-9a-fA-F:.%]+)\]|(?<host>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/;

/** `host:port`; IPv6 addresses in brackets; port 0 listens on any free one. */
export const hostPort: Value<HostPort> = parsed(
  'host:port, such as 127.0.0.1:5000 or [::1]:5000',
  parseHostPort,
);

/** An address of libs/rpc: `host:port` or `unix:/path`. */
export const rpcAddress: Value<string> = parsed('host:port or unix:/path, such as 127.0.0.1:5100', (text) =>
  text.startsWith('unix:/') || parseHostPort(text) !== undefined ? text : undefined,
);

/** An absolute URL of one of these schemes (`http`, `redis`, …), given back as written. */
export function url(...schemes: readonly [string, ...string[]]): Value<string> {
  return parsed(`a URL such as ${schemes[0]}://host:port`, (text) =>
    isUrl(text, schemes) ? text : undefined,
  );
}

/** One or more URLs, separated by commas. */
export function urlList(...schemes: readonly [string, ...string[]]): Value<readonly string[]> {
  const example = `${schemes[0]}://host:port`;
  return parsed(`one or more URLs separated by commas, such as ${example},${example}`, (text) => {
    const urls = text.split(',').map((part) => part.trim());
    return urls.every((part) => isUrl(part, schemes)) ? urls : undefined;
  });
}

/** A whole number of `unit`, which the variable's name ends in (`_MS`, `_BYTES`). */
export function integer({ unit, min, max }: { unit: string; min: number; max: number }): Value<number> {
  return parsed(`a whole number of ${unit} from ${min} to ${max}`, (text) => {
    const number = Number(text);
    return /^\d+$/.test(text) && number >= min && number <= max ? number : undefined;
  });
}

/** A part of the whole, from 0 to 1. */
export const ratio: Value<number> = parsed('a number from 0 to 1', (text) => {
  const number = Number(text);
  return /^\d*\.?\d+$/.test(text) && number <= 1 ? number : undefined;
});

export const boolean: Value<boolean> = parsed('true or false', (text) =>
  text === 'true' ? true : text === 'false' ? false : undefined,
);

/** One of the words named. */
export function oneOf<const T extends string>(...words: readonly T[]): Value<T> {
  return parsed(`one of ${words.join(', ')}`, (text) => words.find((word) => word === text));
}

/** A region's name: it stands in etcd's keys, in addresses and in metrics. */
export const regionName: Value<string> = parsed(
  'lower-case letters, digits and single hyphens, at most 63, such as eu or us-east-1',
  (text) => (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length <= 63 ? text : undefined),
);

/** A path, made absolute; nothing is asked of what is there. */
export const path: Value<string> = parsed('a path', (text) => resolve(text));

/** The path of a URL, given back without a slash at its end. */
export const urlPath: Value<string> = parsed('a path of a URL, such as /files', (text) =>
  /^(?:\/[\w.~-]+)+\/?$/.test(text) ? text.replace(/\/$/, '') : undefined,
);

/** The path of a file that this process can read. */
export const readableFile: Value<string> = z
  .string()
  .transform((text, context) => {
    try {
      accessSync(text, constants.R_OK);
      if (statSync(text).isFile()) return resolve(text);
      context.addIssue('the path of a file, not of a directory');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'there is none' : `reading it failed with ${code ?? String(error)}`;
      context.addIssue(`the path of a readable file (${why})`);
    }
    return z.NEVER;
  })
  .describe('the path of a readable file');

/** A value that `parse` understands; where it gives undefined, the message says what was expected. */
export function parsed<T>(expected: string, parse: (text: string) => T | undefined): Value<T> {
  return z
    .string()
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.addIssue(expected);
      return z.NEVER;
    })
    .describe(expected);
}

function parseHostPort(text: string): HostPort | undefined {
  const groups = hostPortPattern.exec(text)?.groups;
  const host = groups?.['v6'] ?? groups?.['host'];
  const port = Number(groups?.['port']);
  return host === undefined || port > MAX_PORT ? undefined : { host, port };
}

function isUrl(text: string, schemes: readonly string[]): boolean {
  const parsedUrl = URL.parse(text);
  return parsedUrl !== null && schemes.includes(parsedUrl.protocol.slice(0, -1)) && parsedUrl.hostname !== '';
}
