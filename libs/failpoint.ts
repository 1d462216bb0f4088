/**
 * The moments at which a test may end a process, in the order of their paths. A test kills it at each and looks at what is left
 * (test/faults/failpoints.test.ts, for collections test/faults/collectors-killed.test.ts, and for the quarantine
 * test/faults/quarantine-killed.test.ts).
 */
export const FAILPOINTS = [
  // An upload's bytes.
  'upload.written',
  'upload.flushed',
  'upload.verified',
  'upload.finished',
  'announce.told',
  // How bytes become a blob, whether uploaded, put or copied.
  'blob.renamed',
  'blob.published',
  'blob.pinned',
  'blob.stored',
  // A manifest's push, and what it asks of each region.
  'push.stored',
  'push.prepared',
  'hold.fetched',
  'hold.pinned',
  'push.held',
  'push.committed',
  // A copy from another region, for a client or in the background.
  'copy.begun',
  'copy.midway',
  'copy.received',
  'copy.flushed',
  'copy.published',
  'replicate.held',
  // A damaged blob is put into quarantine, and goes from there after its time.
  'quarantine.moved',
  'quarantine.removed',
  // A collection in which something is due.
  'collect.condemned',
  'collect.advanced',
  'collect.raised',
  'collect.unlinked',
  'collect.expired',
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];

const VARIABLE = 'MERIDIAN_FAILPOINT';

const armed = parse(process.env[VARIABLE]);
let left = armed?.nth ?? 0;

/**
 * Does nothing, unless the process was started with MERIDIAN_FAILPOINT=name or name:nth: then it dies here, as by kill -9, when it
 * passes for the nth time.
 */
export function failpoint(name: Failpoint): void {
  if (armed?.name !== name) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}

function parse(text: string | undefined): { name: Failpoint; nth: number } | undefined {
  if (text === undefined || text === '') return undefined;
  const [, named, nth = '1'] = /^([a-z.-]+)(?::([1-9]\d*))?$/.exec(text) ?? [];
  const name = FAILPOINTS.find((known) => known === named);
  if (name !== undefined) return { name, nth: Number(nth) };
  throw new Error(
    `${VARIABLE} is "${text}"; expected name or name:nth with one of ${FAILPOINTS.join(', ')}.`,
  );
}
