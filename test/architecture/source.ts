import { readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** A file of the project and what it imports. */
export interface SourceFile {
  /** From the root, such as `libs/oci/digest.ts`. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** Lines that are neither blank nor comment. */
  readonly codeLines: number;
  /** Re-exports everything of another file, or is made of nothing but re-exports. */
  readonly isBarrel: boolean;
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The path from the root for a file of the project, else undefined. */
  readonly file: string | undefined;
  /** Gone when types are stripped. */
  readonly typeOnly: boolean;
  readonly line: number;
}

const root = join(import.meta.dirname, '../..');
const folders = ['libs', 'services', 'test', 'benchmarks', 'deploy'];
const aliases: Record<string, string> = {
  '#libs/': 'libs/',
  '#services/': 'services/',
  '#types/': 'proto/types/',
  '#test/': 'test/',
};

/** Every file of code in the project, generated ones apart. */
export function readSources(): SourceFile[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
        (name) => `${folder}/${name}`,
      ),
    )
    .filter((path) => /\.(ts|mjs|js)$/.test(path))
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

export function parseSource(path: string, text: string): SourceFile {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    const found = importIn(node);
    if (found !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      imports.push({ ...found, file: resolve(path, found.specifier), line: line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { path, imports, codeLines: countCode(text), isBarrel: isBarrel(source) };
}

/** Static, dynamic and type imports, and re-exports. */
function importIn(node: ts.Node): { specifier: string; typeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node))
    return named(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
  if (ts.isExportDeclaration(node)) return named(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return named(node.argument.literal, true);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return named(node.arguments[0], false);
  return undefined;
}

function named(
  node: ts.Node | undefined,
  typeOnly: boolean,
): { specifier: string; typeOnly: boolean } | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? { specifier: node.text, typeOnly } : undefined;
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier);
  for (const [alias, folder] of Object.entries(aliases))
    if (specifier.startsWith(alias)) return folder + specifier.slice(alias.length);
  return undefined;
}

function isBarrel({ statements }: ts.SourceFile): boolean {
  const reexports = statements.filter(
    (node) => ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined,
  );
  const all = reexports.some((node) => ts.isExportDeclaration(node) && node.exportClause === undefined);
  return all || (reexports.length > 0 && reexports.length === statements.length);
}

function countCode(text: string): number {
  return text.split('\n').filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line)).length;
}
