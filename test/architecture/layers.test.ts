import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { breaches, vendorFolders, type Dependencies } from './rules.ts';
import { parseSource, readSources } from './source.ts';

function declaredDependencies(): Dependencies {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  return { dependencies: Object.keys(dependencies), devDependencies: Object.keys(devDependencies) };
}

describe('the project', () => {
  const files = readSources();

  it('keeps to its layers', () => {
    expect(breaches(files, declaredDependencies())).toEqual([]);
  });

  it('was looked at as a whole', () => {
    const imports = files.flatMap((file) => file.imports);
    expect(files.length).toBeGreaterThan(150);
    expect(imports.length).toBeGreaterThan(600);
    for (const folder of [
      'libs/oci',
      'libs/rpc',
      'services/frontend',
      'services/storage',
      'services/replication',
      'services/coordinator',
      'deploy',
      'benchmarks',
      'test/unit',
    ])
      expect(
        files.filter(({ path }) => path.startsWith(`${folder}/`)),
        folder,
      ).not.toEqual([]);
    expect(imports.filter(({ file, typeOnly }) => typeOnly && file?.startsWith('proto/types/'))).not.toEqual(
      [],
    );
  });

  it.each(Object.entries(vendorFolders))('imports %s in %s', (name, folder) => {
    const importing = files.filter(
      ({ path, imports }) =>
        path.startsWith(`${folder}/`) &&
        imports.some(({ specifier }) => specifier.startsWith(name.replace('*', ''))),
    );
    expect(importing).not.toEqual([]);
  });
});

describe('the rules', () => {
  const declared = {
    dependencies: ['koa', 'pino', 'etcd3', '@opentelemetry/api', 'zod'],
    devDependencies: ['vitest'],
  };
  const check = (path: string, text: string): string[] => breaches([parseSource(path, text)], declared);

  it.each([
    ['libs/a.ts', "import { x } from '#services/storage/x.ts';", 'libs never import services.'],
    ['libs/a.ts', "import type { X } from '../services/storage/x.ts';", 'libs never import services.'],
    [
      'services/storage/a.ts',
      "import { x } from '#services/frontend/x.ts';",
      'services never import each other',
    ],
    ['services/storage/a.ts', "import { x } from '../frontend/x.ts';", '(storage → frontend)'],
    ['services/storage/a.ts', "const x = await import('#services/frontend/x.ts');", '(storage → frontend)'],
    ['services/storage/a.ts', "let x: import('#services/frontend/x.ts').X;", '(storage → frontend)'],
    ['services/storage/a.ts', "export { x } from '../region.ts';\nexport const y = 1;", '(storage → region)'],
    [
      'services/storage/a.ts',
      "import { x } from '#test/support/x.ts';",
      'services may not import from test.',
    ],
    ['libs/a.ts', "import { x } from '#types/meridian/v1/X.ts';", '`import type` only'],
    ['libs/a.ts', "import { type X } from '#types/meridian/v1/X.ts';", '`import type` only'],
    ['libs/oci/a.ts', "import pino from 'pino';", 'only libs/telemetry may import pino.'],
    ['services/storage/a.ts', "import Koa from 'koa';", 'only services/frontend may import koa.'],
    [
      'services/frontend/a.ts',
      "import { trace } from '@opentelemetry/api';",
      'only libs/telemetry may import',
    ],
    ['libs/etcdx/a.ts', "import { Etcd3 } from 'etcd3';", 'only libs/etcd may import etcd3.'],
    ['libs/a.ts', "import { it } from 'vitest';", 'vitest is not among the dependencies.'],
    ['libs/a.ts', "import x from '@scope/absent/sub.js';", '@scope/absent is not among'],
    ['test/a.test.ts', "import x from 'absent';", 'absent is not among the dependencies or devDependencies.'],
    ['libs/a.ts', "import fs from 'fs';", 'write node:fs.'],
    ['deploy/a.mjs', "import x from '../libs/x.ts';", 'the set-up runs before anything else can.'],
    ['libs/index.ts', 'export const x = 1;', 're-exports other files'],
    ['libs/all.ts', "export * from './x.ts';\nexport const y = 1;", 're-exports other files'],
    ['libs/all.ts', "export { a } from './a.ts';\nexport { b } from './b.ts';", 're-exports other files'],
    ['libs/utils.ts', 'export const x = 1;', 'is named utils'],
    ['libs/utils/a.ts', 'export const x = 1;', 'is named utils'],
    ['libs/long.ts', 'export const x = 1;\n'.repeat(221), 'has 221 lines of code, more than 220.'],
  ])('find that %s breaks one with %j', (path, text, breach) => {
    expect(check(path, text)).toEqual([expect.stringContaining(breach)]);
  });

  it.each([
    ['services/storage/a.ts', "import { x } from './b/c.ts';\nimport { y } from '#libs/y.ts';"],
    ['services/region.ts', "import { x } from './storage/x.ts';\nimport { y } from './frontend/y.ts';"],
    ['services/cluster/child.ts', "import { x } from '../storage/x.ts';"],
    [
      'libs/rpc/a.ts',
      "import type { X } from '#types/meridian/v1/X.ts';\nimport { readFile } from 'node:fs/promises';",
    ],
    ['libs/telemetry/a.ts', "import { trace } from '@opentelemetry/api';\nimport { pino } from 'pino';"],
    ['libs/telemetry/log.ts', "export type { Logger } from 'pino';\nexport const x = 1;"],
    [
      'test/a.test.ts',
      "import { it } from 'vitest';\nimport { x } from '#services/storage/x.ts';\nimport Koa from 'koa';",
    ],
    ['libs/long.ts', `${'// why\n\n'.repeat(300)}export const x = "import y from 'absent'";`],
  ])('let %s be with %j', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });
});
