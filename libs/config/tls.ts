import type { KeyPairFiles, TlsFiles } from '#libs/tls/identity.ts';
import { optionalSetting, type Setting } from './env.ts';
import { ConfigError } from './errors.ts';
import { readableFile } from './values.ts';

/**
 * The PEM files of mutual TLS from `<prefix>_CA`, `<prefix>_CERT` and `<prefix>_KEY`: all three, or none for plaintext.
 */
export function tlsSetting(prefix: string): Setting<TlsFiles | undefined> {
  return allOrNone({ ca: `${prefix}_CA`, cert: `${prefix}_CERT`, key: `${prefix}_KEY` });
}

/** Those of a server to which clients show no certificate, from `<prefix>_CERT` and `<prefix>_KEY`: both, or none for plaintext. */
export function keyPairSetting(prefix: string): Setting<KeyPairFiles | undefined> {
  return allOrNone({ cert: `${prefix}_CERT`, key: `${prefix}_KEY` });
}

function allOrNone<Name extends string>(
  named: Readonly<Record<Name, string>>,
): Setting<Readonly<Record<Name, string>> | undefined> {
  const variables = Object.values<string>(named);
  const files = Object.entries<string>(named).map(
    ([name, variable]) => [name, optionalSetting(variable, readableFile)] as const,
  );
  return {
    variables,
    read: (value) => {
      const unset = variables.filter((variable) => value(variable) === undefined);
      if (unset.length === variables.length) return undefined;
      const problems = unset.map(
        (variable) => `${variable} must be set too: TLS needs all of ${variables.join(', ')}.`,
      );
      const paths = files.map(([name, file]) => {
        try {
          return [name, file.read(value)];
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          problems.push(...error.problems);
          return [name, undefined];
        }
      });
      if (problems.length > 0) throw new ConfigError(problems);
      return Object.fromEntries(paths) as Record<Name, string>;
    },
  };
}
