import { send } from '#test/support/registry-client.ts';
import type { TaggedManifest } from './server.ts';

/** What one push may set, unless a setting says otherwise. */
const TAGS_PER_PUSH = 50;
const AT_A_TIME = 4;

/** Pushes of one manifest by its digest, each with as many tags as a push may have. */
export async function pushTags(
  registry: string,
  repository: string,
  { digest, body, mediaType }: TaggedManifest,
  tags: readonly string[],
): Promise<void> {
  const pushes = Array.from({ length: Math.ceil(tags.length / TAGS_PER_PUSH) }, (_, i) =>
    tags.slice(i * TAGS_PER_PUSH, (i + 1) * TAGS_PER_PUSH),
  ).values();
  const worker = async (): Promise<void> => {
    for (const some of pushes) {
      const query = some.map((tag) => `tag=${tag}`).join('&');
      const path = `/v2/${repository}/manifests/${digest}?${query}`;
      const { status } = await send(registry, 'PUT', path, { headers: { 'content-type': mediaType }, body });
      if (status !== 201) throw new Error(`A push of ${some.length} tags was answered ${status}.`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}
