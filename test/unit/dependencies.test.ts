import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly bundled?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly allowScripts: Record<string, boolean>;
}

const manifest = read('package.json') as Manifest;
const { lockfileVersion, packages } = read('package-lock.json') as {
  lockfileVersion: number;
  packages: Record<string, Locked>;
};
const installed = Object.entries(packages).filter(([path]) => path !== '');

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
}

describe('what is installed', () => {
  it('is pinned: direct dependencies to exact versions, and those to what the lock has', () => {
    const direct = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(Object.keys(direct).length).toBeGreaterThan(20);
    for (const [name, version] of Object.entries(direct)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  it('is known by its bytes: each package has a SHA-512, and none comes from elsewhere than a registry', () => {
    expect(lockfileVersion).toBeGreaterThanOrEqual(3);
    expect(installed.length).toBeGreaterThan(200);
    for (const [path, { version, integrity, resolved, link }] of installed) {
      expect(link, path).toBeUndefined();
      expect(version, path).toMatch(/^\d+\.\d+\.\d+/);
      expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(resolved ?? 'https://registry.npmjs.org/', path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
    }
  });

  it('runs a script of its own only where that was decided', () => {
    const scripts = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    for (const [path] of scripts) {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      expect(manifest.allowScripts, path).toHaveProperty([name]);
    }
  });
});
