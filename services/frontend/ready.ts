import type { ReadyReport } from '#libs/lifecycle/admin.ts';
import type { Collaborators } from './frontend.ts';

/** Whether the services that requests need can be reached, here or, where `isElsewhere` says so, in another region. */
export async function isReady(
  { storage, catalog }: Pick<Collaborators, 'storage' | 'catalog'>,
  isElsewhere: () => boolean,
  signal: AbortSignal,
): Promise<ReadyReport> {
  const checks = {
    storage: storage.stat({ digests: [] }, { signal }),
    replication: catalog.status({}, { signal }),
  };
  const reports = Object.entries(checks).map(async ([name, check]) => {
    const report = await check.then(
      () => ({ ready: true }),
      (error: unknown) => ({
        ready: isElsewhere(),
        why: error instanceof Error ? error.message : String(error),
      }),
    );
    return [name, report] as const;
  });
  return Object.fromEntries(await Promise.all(reports));
}
