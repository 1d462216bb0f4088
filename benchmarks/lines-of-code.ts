import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const PARTS = [
  'services/frontend',
  'services/storage',
  'services/replication',
  'services/coordinator',
  'services/cluster',
  'libs',
  'proto',
  'test',
  'benchmarks',
];

export interface PartSize {
  readonly part: string;
  readonly files: number;
  /** Lines that are neither blank nor comment. */
  readonly lines: number;
}

/** The size of each part of the project. */
export function linesOfCode(): PartSize[] {
  return PARTS.map((part) => {
    const files = globSync(`${part}/**/*.{ts,proto}`, { cwd: root, exclude: ['proto/types/**'] });
    const lines = files.map((file) => countLines(readFileSync(join(root, file), 'utf8')));
    return { part, files: files.length, lines: lines.reduce((sum, count) => sum + count, 0) };
  });
}

function countLines(text: string): number {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').split('\n');
  return code.filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length;
}
