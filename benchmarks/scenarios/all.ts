import { hot } from './hot.ts';
import { push } from './push.ts';
import type { Scenario } from './scenario.ts';
import { trace } from './trace.ts';

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [hot, push, trace];
