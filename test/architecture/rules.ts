import { isBuiltin } from 'node:module';
import type { Import, SourceFile } from './source.ts';

/** Each vendor client and the one folder that may import it. */
export const vendorFolders: Readonly<Record<string, string>> = {
  '@grpc/grpc-js': 'libs/rpc',
  '@grpc/proto-loader': 'libs/rpc',
  etcd3: 'libs/etcd',
  ioredis: 'libs/cache',
  jose: 'libs/jwt',
  ldapts: 'libs/ldap',
  '@opentelemetry/*': 'libs/telemetry',
  pino: 'libs/telemetry',
  koa: 'services/frontend',
  '@koa/router': 'services/frontend',
};

/** What runs in production. */
const PRODUCT = ['libs', 'services'];
/** Below services/: what puts services together, as folder or file. Only they may know several. */
const COMPOSITIONS = ['region', 'cluster'];
const VAGUE_NAMES = ['util', 'utils', 'helper', 'helpers', 'common', 'misc'];
const MAX_CODE_LINES = 220;

export interface Dependencies {
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

/** Every breach of the layout in these files, as sentences that begin with `path:line`. */
export function breaches(files: readonly SourceFile[], declared: Dependencies): string[] {
  return files.flatMap((file) => [
    ...fileBreaches(file).map((breach) => `${file.path} ${breach}`),
    ...file.imports.flatMap((imported) => {
      const at = `${file.path}:${imported.line} imports ${imported.specifier}`;
      return [...importBreaches(file.path, imported, declared)].map((breach) => `${at}: ${breach}`);
    }),
  ]);
}

function* fileBreaches({ path, isBarrel, codeLines }: SourceFile): Generator<string> {
  const names = path.replace(/\.\w+$/, '').split('/');
  const vague = names.find((name) => VAGUE_NAMES.includes(name));
  if (vague !== undefined) yield `is named ${vague}: name it for the one thing it does.`;
  if (names.at(-1) === 'index' || isBarrel) yield 're-exports other files: import those themselves.';
  if (codeLines > MAX_CODE_LINES) yield `has ${codeLines} lines of code, more than ${MAX_CODE_LINES}.`;
}

function* importBreaches(
  from: string,
  { specifier, file, typeOnly }: Import,
  declared: Dependencies,
): Generator<string> {
  if (file !== undefined) {
    const forbidden = layerBreach(from, file);
    if (forbidden !== undefined) yield forbidden;
    if (file.startsWith('proto/types/') && !typeOnly) yield 'generated types are for `import type` only.';
  } else if (!isBuiltin(specifier)) {
    yield* packageBreaches(from, packageOf(specifier), declared);
  } else if (!specifier.startsWith('node:')) {
    yield `write node:${specifier}.`;
  }
}

/** services → libs → proto; nobody but compositions and tests sees more than one service; the product knows no test. */
function layerBreach(from: string, to: string): string | undefined {
  const [layer, part] = placeOf(from);
  const [target, targetPart] = placeOf(to);
  if (!PRODUCT.includes(layer))
    return layer === 'deploy' && target !== 'deploy'
      ? 'the set-up runs before anything else can.'
      : undefined;
  if (!['libs', 'services', 'proto'].includes(target)) return `${layer} may not import from ${target}.`;
  if (layer === 'libs' && target === 'services') return 'libs never import services.';
  if (layer !== 'services' || target !== 'services' || part === targetPart || COMPOSITIONS.includes(part))
    return undefined;
  return `services never import each other (${part} → ${targetPart}); only compositions do.`;
}

function* packageBreaches(from: string, name: string, declared: Dependencies): Generator<string> {
  const isProduct = PRODUCT.includes(placeOf(from)[0]);
  const known = isProduct ? declared.dependencies : [...declared.dependencies, ...declared.devDependencies];
  if (!known.includes(name))
    yield `${name} is not among the ${isProduct ? 'dependencies' : 'dependencies or devDependencies'}.`;
  const folder = vendorFolders[name] ?? vendorFolders[name.replace(/\/.*/, '/*')];
  if (isProduct && folder !== undefined && !from.startsWith(`${folder}/`))
    yield `only ${folder} may import ${name}.`;
}

/** The top folder and what lies below it: `services/region.ts` and `services/region/x.ts` are both the part `region`. */
function placeOf(path: string): [layer: string, part: string] {
  const [layer = '', part = ''] = path.split('/');
  return [layer, part.replace(/\.\w+$/, '')];
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
