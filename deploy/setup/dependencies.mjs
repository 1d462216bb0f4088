import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modules, npm, root } from './npm.mjs';

/** Installs what package-lock.json names, unless that is what node_modules holds. */
export function ensureDependencies() {
  if (isInstalled()) return;
  console.log('Installing dependencies (once, about a minute)…');
  npm(['ci'], 'Installing the dependencies');
}

/** Compares the lock file with the one that npm leaves in node_modules when an installation is complete. */
function isInstalled() {
  const hidden = join(modules, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const installed = packagesIn(hidden);
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return optional === true;
    return found.version === version && found.integrity === integrity;
  });
}

function packagesIn(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}
