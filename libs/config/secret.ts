import { optionalSetting, type Setting } from './env.ts';
import { ConfigError } from './errors.ts';
import { readSecretFile } from './secret-file.ts';
import { readableFile } from './values.ts';

/** Gives a secret as it is now. A function, so that no log of a configuration shows it. */
export type Secret = () => string;

/** A secret from the variable itself or, as it is now, from the file that `<variable>_FILE` names; the line's end is none of it. */
export function secretSetting(variable: string): Setting<Secret | undefined> {
  const inFile = `${variable}_FILE`;
  const file = optionalSetting(inFile, readableFile);
  return {
    variables: [variable, inFile],
    read: (value) => {
      const text = value(variable);
      const path = file.read(value);
      if (text !== undefined && path !== undefined)
        throw new ConfigError([`${variable} and ${inFile} are both set. Keep one: the file, if you can.`]);
      if (path !== undefined) return () => readSecretFile(path);
      return text === undefined ? undefined : () => text;
    },
  };
}
