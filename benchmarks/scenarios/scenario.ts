import type { Context } from '../measure/context.ts';
import type { CaseResult } from '../report/results.ts';

export interface Scenario {
  /** As `--scenario` names it. */
  readonly name: string;
  readonly title: string;
  /** False where it is left out of a quick run that names no scenarios. */
  readonly inQuick?: boolean;
  /** What a reader of the figures must know. */
  notes(context: Context): string[];
  run(context: Context): Promise<CaseResult[]>;
}
