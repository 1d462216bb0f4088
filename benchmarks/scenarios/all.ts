import { across } from './across.ts';
import { authorization } from './authorization.ts';
import { busyLink } from './busy-link.ts';
import { hotTag } from './hot-tag.ts';
import { hot } from './hot.ts';
import { push } from './push.ts';
import { regionLost } from './region-lost.ts';
import { replicaLag } from './replica-lag.ts';
import type { Scenario } from './scenario.ts';
import { slowReaders } from './slow-readers.ts';
import { stampede } from './stampede.ts';
import { tagPages } from './tag-pages.ts';
import { trace } from './trace.ts';
import { tracing } from './tracing.ts';

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  ...[hot, push, trace, tracing, authorization],
  ...[hotTag, tagPages, slowReaders],
  ...[across, replicaLag, stampede, busyLink, regionLost],
];
