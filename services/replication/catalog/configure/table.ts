import { z } from 'zod';
import { regionName } from '#libs/config/values.ts';
import { isNamePattern } from '#libs/oci/name-pattern.ts';
import { MAX_REGIONS } from '../bootstrap.ts';
import { builtInDurability } from '../push/durability.ts';
import type { Settings } from '../records.ts';
import { BUILT_IN } from './effective.ts';

/** One setting, as administrators see it. */
export interface SettingDefinition {
  readonly name: keyof Settings;
  /** What a change may set it to: stricter than what a record may hold. */
  readonly schema: z.ZodType;
  /** The same in words, after "expected". */
  readonly expected: string;
  /** Its value where neither the repository nor the defaults set it; null for none. */
  readonly builtIn: (activeRegions: number) => unknown;
  /** Who alone has it, and what the others set in its place. */
  readonly only?: { readonly of: 'repository' | 'defaults'; readonly otherwise: string };
}

const MAX_STALENESS_MS = 30 * 86_400_000;
const MAX_PLACEMENTS = 100;
const regions = z
  .array(regionName)
  .max(MAX_REGIONS)
  .refine((names) => new Set(names).size === names.length);
const MAX_UNTAGGED_MS = 3_650 * 86_400_000;

/** Every setting, in the order in which they are shown. */
export const SETTINGS: readonly SettingDefinition[] = [
  {
    name: 'durability',
    schema: z.union([z.enum(['local', 'quorum', 'all']), z.int().min(1).max(MAX_REGIONS)]),
    expected: `"local", "quorum", "all" or a number of regions from 1 to ${MAX_REGIONS}`,
    builtIn: builtInDurability,
  },
  {
    name: 'reads',
    schema: z.enum(['bounded', 'strong']),
    expected: '"bounded" or "strong"',
    builtIn: () => BUILT_IN.reads,
  },
  {
    name: 'maxStalenessMs',
    schema: z.int().min(1).max(MAX_STALENESS_MS),
    expected: `a whole number of milliseconds from 1 to ${MAX_STALENESS_MS}`,
    builtIn: () => null,
  },
  {
    name: 'missing',
    schema: z.enum(['refuse', 'accept']),
    expected: '"refuse" or "accept"',
    builtIn: () => BUILT_IN.missing,
  },
  {
    name: 'untagged',
    schema: z.union([
      z.literal('keep'),
      z.strictObject({ deleteAfterMs: z.int().min(1).max(MAX_UNTAGGED_MS) }),
    ]),
    expected: `"keep" or {"deleteAfterMs": a whole number of milliseconds from 1 to ${MAX_UNTAGGED_MS}}`,
    builtIn: () => BUILT_IN.untagged,
  },
  {
    name: 'regions',
    schema: regions,
    expected: `a list of at most ${MAX_REGIONS} different regions such as ["eu", "us"], or [] for everywhere`,
    builtIn: () => [],
    only: {
      of: 'repository',
      otherwise: 'set placements, such as [{"pattern": "**", "regions": ["eu"]}]',
    },
  },
  {
    name: 'placements',
    schema: z
      .array(
        z.strictObject({
          pattern: z.custom(isNamePattern),
          regions: regions.min(1),
        }),
      )
      .max(MAX_PLACEMENTS),
    expected:
      `a list of at most ${MAX_PLACEMENTS} rules such as [{"pattern": "eu/**", "regions": ["eu"]}], each with one different region at least; in a ` +
      "pattern * stands for any part of a name's component, and ** for any components",
    builtIn: () => [],
    only: { of: 'defaults', otherwise: 'set regions, such as ["eu"]' },
  },
];
