// Makes a checkout ready to run, whatever Node started it: dependencies, the Node release that the project is built
// for, and the generated types. Part of `npm start` and `npm test`; quick where nothing is to be done. No dependencies,
// runs on Node 18.
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureNode } from './setup/node.mjs';
import { SetupError } from './setup/npm.mjs';
import { ensureTypes } from './setup/types.mjs';

try {
  ensureDependencies();
  ensureTypes(ensureNode());
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`meridian: ${error.message}`);
  process.exit(1);
}
