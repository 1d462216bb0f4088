// Generates the TypeScript types of the gRPC contracts in proto/ into proto/types/ (not committed).
// Runs on any Node from 20 on; `npm install` runs it.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';

const root = dirname(import.meta.dirname);
const require = createRequire(import.meta.url);
const protoDir = join(root, 'proto');
const outDir = join(protoDir, 'types');
const loaderDir = dirname(require.resolve('@grpc/proto-loader/package.json'));

rmSync(outDir, { recursive: true, force: true });
const protos = readdirSync(protoDir, { recursive: true }).filter((file) => file.endsWith('.proto'));
const { status } = spawnSync(
  process.execPath,
  [
    join(loaderDir, 'build', 'bin', 'proto-loader-gen-types.js'),
    '--longs=Number',
    '--enums=String',
    '--defaults',
    '--oneofs',
    '--inputTemplate=%s__Input',
    '--outputTemplate=%s',
    '--grpcLib=@grpc/grpc-js',
    '--importFileExtension=.ts',
    `--includeDirs=${protoDir}`,
    `--outDir=${outDir}`,
    ...protos,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
process.exit(status ?? 1);
