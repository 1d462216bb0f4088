#!/usr/bin/env node
// `npx meridian`: runs the program on the Node release that comes with the dependencies, whatever Node started this file.
// No dependencies, runs on Node 18.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const node = path('../../node_modules/.bin/node');
if (!existsSync(node) && !isEnough(process.versions.node)) setUp();

const program = spawn(
  existsSync(node) ? node : process.execPath,
  ['--disable-warning=ExperimentalWarning', path('main.ts'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
// The terminal sends Ctrl-C to both; the program decides what it means.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => program.kill(signal));
program.once('error', (error) => {
  console.error(`meridian: ${error.message}`);
  process.exitCode = 1;
});
program.once('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});

/** A checkout that nothing was run in yet: dependencies and Node come first. What that prints is no answer of the program. */
function setUp() {
  const { status } = spawnSync(process.execPath, [path('../../deploy/setup.mjs')], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(1);
}

function isEnough(version) {
  return Number(version.split('.')[0]) >= 24;
}

function path(relative) {
  return fileURLToPath(new URL(relative, import.meta.url));
}
