import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededBytes } from './oci-layout.ts';

/** What a build from nothing needs: a Dockerfile, and one file that becomes a layer and is the same for the same seed. */
export async function writeBuildContext(dir: string, seed: string, bytes: number): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'Dockerfile'), `FROM scratch\nCOPY content /content\nLABEL seed=${seed}\n`);
  const content = createWriteStream(join(dir, 'content'));
  for await (const chunk of seededBytes(seed, bytes)) content.write(chunk);
  content.end();
  await once(content, 'close');
}
