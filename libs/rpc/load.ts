import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import type { ServiceDefinition } from '@grpc/grpc-js';

const protoDir = fileURLToPath(new URL('../../proto', import.meta.url));

/** Loads .proto files (paths below proto/) and gives their services by full name; the options match those of the generated types. */
export function loadServices(files: string[]): (fullName: string) => ServiceDefinition {
  const definitions = loadSync(files, {
    includeDirs: [protoDir],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  return (fullName) => {
    const definition = definitions[fullName];
    if (definition === undefined || 'format' in definition)
      throw new Error(`${fullName} is no service of ${files.join(', ')}`);
    return definition;
  };
}
