import { RegistryError } from '#libs/oci/errors.ts';
import { printable, quote } from '#libs/oci/quote.ts';
import type { Settings } from '../records.ts';
import { SETTINGS } from './table.ts';

/**
 * The settings as a JSON merge patch changes them (RFC 7396): null removes one, what is not named stays. Throws REQUEST_INVALID, with a sentence
 * that says what was expected; nothing is ever left out silently. `of` is whose they are.
 */
export function patchSettings(current: Settings, patch: string, of: 'repository' | 'defaults'): Settings {
  const changed = new Map<string, unknown>();
  for (const { name } of SETTINGS) if (current[name] !== undefined) changed.set(name, current[name]);
  for (const [name, value] of Object.entries(parsePatch(patch))) {
    const definition = SETTINGS.find((setting) => setting.name === name);
    if (definition === undefined) {
      const known = SETTINGS.map((setting) => setting.name).join(', ');
      throw invalid(`There is no setting ${quote(name)}; expected some of ${known}.`);
    }
    const { only } = definition;
    if (only !== undefined && only.of !== of) {
      const whose = only.of === 'repository' ? 'single repositories' : 'the defaults';
      throw invalid(`The setting ${name} is one of ${whose}: here ${only.otherwise}.`);
    }
    if (value === null) changed.delete(name);
    else if (definition.schema.safeParse(value).success) changed.set(name, value);
    else {
      const came = quote(JSON.stringify(value));
      throw invalid(
        `The setting ${name} should be ${definition.expected}, or null to unset it; what came is ${came}.`,
      );
    }
  }
  return Object.fromEntries(changed);
}

/** Throws REQUEST_INVALID for a number of regions that there are not: no push could be in so many. */
export function requireRegions({ durability }: Settings, active: readonly string[]): void {
  if (typeof durability !== 'number' || durability <= active.length) return;
  throw invalid(
    `The setting durability asks for ${durability} regions, but the cluster has ${active.length} active ones: ${active.join(', ')}. ` +
      `Set it to at most ${active.length}, or add regions first.`,
  );
}

function parsePatch(text: string): object {
  let patch: unknown;
  try {
    patch = JSON.parse(text);
  } catch (cause) {
    throw invalid(
      `The change of settings should be a JSON object, but can't be parsed: ${printable(String(cause))}.`,
    );
  }
  if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) return patch;
  const example = '{"durability": 2, "reads": null}';
  throw invalid(
    `The change of settings should be a JSON object such as ${example}; what came is ${quote(text)}.`,
  );
}

function invalid(message: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', message);
}
