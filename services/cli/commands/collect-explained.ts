import { z } from 'zod';
import { pathOf, type Api } from '../api/client.ts';
import type { Tools } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { countOf, formatBytes, formatTime } from '../output/format.ts';
import { renderTable } from '../output/table.ts';
import { printable } from '../output/width.ts';

const explained = z.looseObject({
  digest: z.string(),
  size: z.number(),
  kept: z.boolean(),
  namedBy: z.array(z.object({ repository: z.string(), manifest: z.string() })).optional(),
  pins: z.array(z.object({ repository: z.string(), until: z.string() })).optional(),
  unusedSince: z.string().optional(),
  condemnedAt: z.string().optional(),
  goesAt: z.string().optional(),
});

type Explained = z.infer<typeof explained>;

/** sha256's, the ones there are. */
const DIGEST_COLUMNS = 71;
const SIZE_COLUMNS = 8;
const COLUMNS = [
  { header: 'DIGEST', minWidth: DIGEST_COLUMNS },
  { header: 'SIZE', align: 'right', minWidth: SIZE_COLUMNS },
  { header: 'FATE', minWidth: 4 },
  { header: 'WHY' },
] as const;

/** `collect --dry-run`: a line for each blob as the region tells it, so that there may be any number of them. */
export async function explainBlobs(
  api: Api,
  region: string,
  digests: readonly string[],
  tools: Tools,
): Promise<ExitCode> {
  const { out, json, signal } = tools;
  const query = digests.map((digest) => ['digest', digest] as const);
  const path = pathOf('regions', region, 'collection', 'blobs');
  const sums = { kept: { blobs: 0, bytes: 0 }, goes: { blobs: 0, bytes: 0 } };
  const [header = ''] = renderTable(COLUMNS, [], (text) => out.style('bold', text));
  if (!json) await out.print(header);
  for await (const blob of api.lines(explained, path, { query, signal })) {
    const sum = blob.kept ? sums.kept : sums.goes;
    sum.blobs += 1;
    sum.bytes += blob.size;
    if (json) await out.print(JSON.stringify(blob));
    else for (const row of renderTable(COLUMNS, [rowOf(blob)], (text) => text).slice(1)) await out.print(row);
  }
  if (!json) {
    const { kept, goes } = sums;
    await out.print(
      `${countOf(kept.blobs, 'blob')} kept (${formatBytes(kept.bytes)}), ${formatted(goes)}. Nothing was removed.`,
    );
  }
  return EXIT.done;
}

function formatted({ blobs, bytes }: { readonly blobs: number; readonly bytes: number }): string {
  return `${countOf(blobs, 'blob')} ${blobs === 1 ? 'goes' : 'go'} (${formatBytes(bytes)})`;
}

function rowOf(blob: Explained): string[] {
  return [printable(blob.digest), formatBytes(blob.size), blob.kept ? 'kept' : 'goes', printable(why(blob))];
}

function why({ namedBy = [], pins = [], unusedSince, goesAt }: Explained): string {
  const [naming] = namedBy;
  if (naming !== undefined) {
    const more = namedBy.length > 1 ? `, and others` : '';
    return `named by ${naming.repository}@${naming.manifest}${more}`;
  }
  const [pin] = pins;
  if (pin !== undefined) return `pinned for ${pin.repository} until ${formatTime(pin.until)}`;
  if (unusedSince === undefined) return 'found unused just now; goes after the grace time';
  const since = `unused since ${formatTime(unusedSince)}`;
  return goesAt === undefined ? since : `${since}; goes at ${formatTime(goesAt)} at the earliest`;
}
