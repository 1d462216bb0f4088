import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/*
 * Loaded into a region's process before anything else. In the place of modules of the services it puts those that lie at the same path
 * below test/faults/mutants/<name>/. Such a module may import the one it stands for, and what it does not export itself comes from there.
 */

const root = join(import.meta.dirname, '../../..');
const replaced = new Map<string, string>();
for (const mutant of (process.env['MERIDIAN_FAULTS_MUTANTS'] ?? '').split(',')) {
  const folder = join(root, 'test/faults/mutants', mutant);
  if (mutant === '' || !existsSync(folder)) throw new Error(`There is no mutant "${mutant}".`);
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.ts')) replaced.set(urlOf(join(root, path)), urlOf(join(folder, path)));
  }
}

const originals = new Map([...replaced].map(([original, url]) => [url, original]));

registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context);
    const url = originals.has(context.parentURL ?? '') ? undefined : replaced.get(resolved.url);
    return url === undefined ? resolved : { ...resolved, url };
  },
  load: (url, context, next) => {
    const loaded = next(url, context);
    const original = originals.get(url);
    if (original === undefined) return loaded;
    return {
      ...loaded,
      source: `${readFileSync(fileURLToPath(url), 'utf8')}\nexport * from ${JSON.stringify(original)};\n`,
    };
  },
});

function urlOf(path: string): string {
  return pathToFileURL(path).href;
}
