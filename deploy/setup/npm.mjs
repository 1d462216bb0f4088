import { spawnSync } from 'node:child_process';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const modules = join(root, 'node_modules');

/** What keeps the set-up from being done, in a sentence for whoever ran it. */
export class SetupError extends Error {}

const NETWORK_CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ERR_SOCKET_TIMEOUT',
];

/** Runs npm and keeps its chatter; throws a SetupError that says in a sentence that `what` failed, and why. */
export function npm(args, what) {
  const quiet = [
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--engine-strict=false',
    '--loglevel=error',
  ];
  // npm's own default leaves whoever has no network waiting for more than a minute.
  const patience = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=10000'];
  const [command, ...before] = npmCommand();
  const run = spawnSync(command, [...before, ...args, ...quiet, ...patience], {
    cwd: root,
    env: { ...process.env, PATH: pathWithoutModules() },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.error)
    throw new SetupError(`${what} failed: npm can't be run (${run.error.message}). Install npm.`);
  if (run.status !== 0) throw new SetupError(`${what} failed: ${reasonIn(`${run.stderr}${run.stdout}`)}`);
}

/**
 * The npm that runs this script, on its own Node: a Node in node_modules would be removed under npm's feet. Else the
 * npm on the PATH.
 */
function npmCommand() {
  const { npm_execpath: script, npm_node_execpath: node } = process.env;
  if (script && node && basename(script) === 'npm-cli.js' && !node.startsWith(modules)) return [node, script];
  return ['npm'];
}

function pathWithoutModules() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !folder.startsWith(modules)).join(delimiter);
}

function reasonIn(output) {
  const lines = output.split('\n').map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim());
  const code = lines.find((line) => line.startsWith('code '))?.slice('code '.length);
  if (NETWORK_CODES.includes(code)) {
    const url = /https?:\/\/[^\s/]+/.exec(output)?.[0] ?? 'the npm registry';
    return `${url} can't be reached (${code}). Check the network and \`npm config get registry\`, then try again.`;
  }
  const said = lines.filter((line) => line !== '' && !/^(code |A complete log|\/)/.test(line));
  return `npm says "${said.slice(0, 2).join(' ')}"${code === undefined ? '' : ` (${code})`}.`;
}
