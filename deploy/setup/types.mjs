import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, SetupError } from './npm.mjs';

const protoDir = join(root, 'proto');
const typesDir = join(protoDir, 'types');

/** Generates the types of the gRPC contracts with this Node, unless they are there and newer than every contract. */
export function ensureTypes(node) {
  if (existsSync(typesDir) && newest('.proto') <= statSync(typesDir).mtimeMs) return;
  const { status } = spawnSync(node, [join(root, 'deploy', 'generate-types.mjs')], { stdio: 'inherit' });
  if (status !== 0) throw new SetupError('The types in proto/types could not be generated.');
}

function newest(extension) {
  const times = foldersIn(protoDir)
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => path.endsWith(extension))
    .map((path) => statSync(path).mtimeMs);
  return Math.max(...times);
}

function foldersIn(folder) {
  const below = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && join(folder, entry.name) !== typesDir,
  );
  return [folder, ...below.flatMap(({ name }) => foldersIn(join(folder, name)))];
}
