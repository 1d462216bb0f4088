import type { TlsFiles } from '#libs/rpc/tls.ts';
import { optionalSetting, type Setting } from './env.ts';
import { ConfigError } from './errors.ts';
import { readableFile } from './values.ts';

/**
 * The PEM files of mutual TLS from `<prefix>_CA`, `<prefix>_CERT` and `<prefix>_KEY`: all three, or none for plaintext.
 */
export function tlsSetting(prefix: string): Setting<TlsFiles | undefined> {
  const variables = [`${prefix}_CA`, `${prefix}_CERT`, `${prefix}_KEY`] as const;
  const files = variables.map((variable) => optionalSetting(variable, readableFile));
  return {
    variables,
    read: (value) => {
      const unset = variables.filter((variable) => value(variable) === undefined);
      const problems =
        unset.length === 0 || unset.length === variables.length
          ? []
          : unset.map((variable) => `${variable} must be set too: TLS needs all of ${variables.join(', ')}.`);
      const [ca, cert, key] = files.map((file) => {
        try {
          return file.read(value);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          problems.push(...error.problems);
          return undefined;
        }
      });
      if (problems.length > 0) throw new ConfigError(problems);
      return ca === undefined || cert === undefined || key === undefined ? undefined : { ca, cert, key };
    },
  };
}
