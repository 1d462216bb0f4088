import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const AT_A_TIME = 16;

/** Tags as distribution keeps them in its file system: for each a link that is current, and one in its index. */
export async function writeTags(
  root: string,
  repository: string,
  digest: string,
  tags: readonly string[],
): Promise<void> {
  const dir = join(root, 'docker/registry/v2/repositories', repository, '_manifests/tags');
  const left = tags.values();
  const worker = async (): Promise<void> => {
    for (const tag of left) {
      const links = [join(dir, tag, 'current'), join(dir, tag, 'index', ...digest.split(':'))];
      for (const link of links) {
        await mkdir(link, { recursive: true });
        await writeFile(join(link, 'link'), digest);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}
