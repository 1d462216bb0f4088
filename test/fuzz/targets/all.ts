import type { Target } from '../target.ts';
import { CREDENTIAL_TARGETS } from './credentials.ts';
import { DOCUMENT_TARGETS } from './documents.ts';
import { HEADER_TARGETS } from './headers.ts';
import { NAME_TARGETS } from './names.ts';
import { NETWORK_TARGETS } from './network.ts';
import { VALUE_TARGETS } from './values.ts';

/** Every parser of what comes from outside. */
export const TARGETS: readonly Target[] = [
  ...DOCUMENT_TARGETS,
  ...CREDENTIAL_TARGETS,
  ...NAME_TARGETS,
  ...HEADER_TARGETS,
  ...NETWORK_TARGETS,
  ...VALUE_TARGETS,
];
