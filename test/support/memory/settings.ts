import { parseRepositoryName } from '#libs/oci/name.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import {
  effectiveSettings,
  placementBy,
  type EffectiveSettings,
} from '#services/replication/catalog/configure/effective.ts';
import { patchSettings, requireRegions } from '#services/replication/catalog/configure/patch.ts';
import { requirePlacement } from '#services/replication/catalog/configure/require-placement.ts';
import { describeSettings } from '#services/replication/catalog/configure/settings-state.ts';
import type { Settings } from '#services/replication/catalog/records.ts';
import type { Reuse } from '#types/meridian/v1/Reuse.ts';
import type { SettingsAnswer } from '#types/meridian/v1/SettingsAnswer.ts';
import type { MemoryQuorum } from './catalog-state.ts';
import type { MemoryView } from './view.ts';

/** The settings' part of a region's catalog, in memory. */
export interface MemorySettings extends Pick<Catalog, 'getSettings' | 'changeSettings'> {
  effective(repository: string): EffectiveSettings;
  reuse(repository: string): Reuse;
}

export function memorySettings(
  quorum: MemoryQuorum,
  view: MemoryView,
  regions: readonly string[],
): MemorySettings {
  const set = (name: string): Settings | undefined => quorum.settings.get(name)?.settings;
  const answer = (name: string): SettingsAnswer => {
    const own = name === '' ? undefined : set(name);
    const repository = own && { incarnation: '', state: 'active' as const, ...own };
    return {
      settings: describeSettings(name === '' ? undefined : parseRepositoryName(name), {
        ...{ repository, defaults: set(''), activeRegions: regions },
      }),
      version: quorum.settings.get(name)?.version ?? 0,
      position: view.position(),
    };
  };
  const effective = (repository: string): EffectiveSettings => effectiveSettings(set(repository), set(''));
  return {
    effective,
    reuse: (repository) => {
      const settings = effective(repository);
      const { reads, maxStalenessMs = 0 } = settings;
      const placement = placementBy(settings, parseRepositoryName(repository));
      return { never: reads === 'strong', maxStalenessMs, regions: [...placement] };
    },
    getSettings: async ({ repository }) => {
      view.barrier();
      return answer(repository);
    },
    changeSettings: async ({ repository, patch, ifMatch }) => {
      view.barrier();
      const version = quorum.settings.get(repository)?.version ?? 0;
      if (ifMatch !== '' && (ifMatch === '*' ? version === 0 : ifMatch !== String(version))) {
        throw new RegistryError('PRECONDITION_FAILED', `The settings are at version ${version}.`);
      }
      const before = set(repository) ?? {};
      const settings = patchSettings(before, patch, repository === '' ? 'defaults' : 'repository');
      requireRegions(settings, regions);
      const state = { defaults: set(''), regions, activeRegions: regions };
      const name = repository === '' ? undefined : parseRepositoryName(repository);
      requirePlacement({ placed: () => [] }, name, before, settings, state);
      quorum.settings.set(repository, { settings, version: quorum.head + 1 });
      quorum.commit({ repository, settings: true, tags: [] });
      return answer(repository);
    },
  };
}
