import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTotals, type Totals } from './totals.ts';

/** The suite is a Go program: opencontainers/distribution-spec, folder `conformance`, on main. */
export const HOW_TO_BUILD =
  'Build the suite with `go build -o conformance .` in the folder conformance of https://github.com/opencontainers/distribution-spec (main), ' +
  'and name the file in OCI_CONFORMANCE_BIN.';

/** Everything that a registry may leave out is asked for. */
const EVERY_SWITCH = [
  ...['PING', 'PULL', 'PUSH', 'REFERRER'].map((name) => `API_${name}`),
  ...['ATOMIC', 'DELETE', 'DIGEST_HEADER', 'MOUNT_ANONYMOUS', 'UPLOAD_CANCEL'].map(
    (name) => `API_BLOBS_${name}`,
  ),
  ...['ATOMIC', 'DELETE', 'DIGEST_HEADER', 'TAG_PARAM'].map((name) => `API_MANIFESTS_${name}`),
  ...['ATOMIC', 'DELETE', 'LIST'].map((name) => `API_TAGS_${name}`),
  ...[
    'IMAGE',
    'INDEX',
    'INDEX_LIST',
    'SPARSE',
    'ARTIFACT',
    'SUBJECT',
    'SUBJECT_MISSING',
    'ARTIFACT_LIST',
  ].map((name) => `DATA_${name}`),
  ...[
    'SUBJECT_LIST',
    'DATA_FIELD',
    'NONDISTRIBUTABLE',
    'CUSTOM_FIELDS',
    'NO_LAYERS',
    'EMPTY_BLOB',
    'SHA512',
  ].map((name) => `DATA_${name}`),
].map((name) => [`OCI_${name}`, 'true'] as const);

const TIMEOUT_MS = 300_000;

export interface SuiteRun {
  /** The suite's binary. */
  readonly binary: string;
  /** `host:port` */
  readonly registry: string;
  readonly repositories: readonly [string, string];
  /** Where the suite's reports go. */
  readonly resultsDir: string;
}

/** Runs the suite to its end. Its exit code says less than its counts: it is 0 for a suite that could not even begin. */
export async function runSuite(run: SuiteRun, signal: AbortSignal): Promise<Totals> {
  const { binary, registry, repositories, resultsDir } = run;
  await mkdir(resultsDir, { recursive: true });
  // The suite would read oci-conformance.yaml where it runs, and take variables of ours for its own.
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('OCI_'));
  const env = {
    ...Object.fromEntries(ours),
    ...Object.fromEntries(EVERY_SWITCH),
    OCI_VERSION: 'dev',
    OCI_TLS: 'disabled',
    OCI_REGISTRY: registry,
    OCI_REPO1: repositories[0],
    OCI_REPO2: repositories[1],
    OCI_RESULTS_DIR: resultsDir,
  };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const child = spawn(binary, { cwd: resultsDir, env, stdio: ['ignore', 'pipe', 'pipe'], signal: limit });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  await once(child, 'close');
  await writeFile(join(resultsDir, 'output.txt'), Buffer.concat(output));
  return readTotals(await readFile(join(resultsDir, 'junit.xml'), 'utf8').catch(() => ''));
}
