import type { Authentication } from './authentication.ts';
import { makeFirstAdministrator } from './first-administrator.ts';
import { followAuth } from './follow.ts';

/** Follows identities and permissions until `signal` aborts, and sees to it that there is an administrator. */
export async function startAuthentication(
  { auth, known, settings, firstAdministrator }: Authentication,
  onFault: (error: unknown, where: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const retryMs = settings.followRetryMs;
  const following = followAuth({
    ...{ auth, known, retryMs, signal },
    onFault: (error) => onFault(error, 'following identities and permissions'),
  });
  const making = makeFirstAdministrator({ auth, known, retryMs, signal, ...firstAdministrator }).catch(
    (error: unknown) => {
      if (!signal.aborted) onFault(error, 'making the first administrator');
    },
  );
  await Promise.all([following, making]);
}
