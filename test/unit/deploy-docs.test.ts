import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Setting, Settings } from '#libs/config/env.ts';
import { ConfigError } from '#libs/config/errors.ts';
import type { HostPort } from '#libs/config/values.ts';
import { frontendProcessSettings } from '#services/frontend/config.ts';
import { replicationProcessSettings } from '#services/replication/config.ts';
import { storageProcessSettings } from '#services/storage/config.ts';

const readme = readFileSync(join(import.meta.dirname, '../../deploy/README.md'), 'utf8');

const services: Record<string, Settings> = {
  frontend: frontendProcessSettings,
  storage: storageProcessSettings,
  replication: replicationProcessSettings,
};

for (const [service, settings] of Object.entries(services)) {
  describe(`deploy/README.md about ${service}`, () => {
    it('lists every variable with its default, and no other', () => {
      const documented = { ...tableBelow('Every service'), ...tableBelow(service) };
      expect(documented).toEqual(variablesOf(settings));
    });
  });
}

/** Variable to default of the table that follows a heading: '' must be set, '–' may be left out. */
function tableBelow(heading: string): Record<string, string> {
  const section = readme.split(/^#{2,3} /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.matchAll(/^\| `(?<variable>[A-Z_]+)` *\| (?<value>[^|]*?) *\|/gm);
  return Object.fromEntries(
    Array.from(rows, ({ groups }) => [
      groups?.['variable'] ?? '',
      (groups?.['value'] ?? '').replaceAll('`', ''),
    ]),
  );
}

function variablesOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.values(settings).flatMap((setting) =>
      setting.variables.map((variable) => [variable, defaultOf(setting)]),
    ),
  );
}

function defaultOf(setting: Setting<unknown>): string {
  try {
    return shown(setting.read(() => undefined) as Default);
  } catch (error) {
    if (error instanceof ConfigError) return '';
    throw error;
  }
}

type Default = string | number | HostPort | undefined;

function shown(value: Default): string {
  if (value === undefined) return '–';
  return typeof value === 'object' ? `${value.host}:${value.port}` : String(value);
}
