import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashPassword } from '#libs/auth/password.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import type { KnownAuth } from './known.ts';

export const FIRST_ADMINISTRATOR = 'admin';

/** Whom the cluster has been given, once in its life. */
export interface FirstAdministrator {
  readonly name: string;
  /** To be shown once, and kept nowhere; undefined where the operator chose it. */
  readonly password: string | undefined;
}

export interface FirstAdministratorOptions {
  readonly auth: Pick<Auth, 'makeFirstAdministrator'>;
  readonly known: Pick<KnownAuth, 'administered'>;
  /** As the operator chose it. */
  readonly password: string | undefined;
  readonly onMade: (made: FirstAdministrator) => void;
  readonly retryMs: number;
  readonly signal: AbortSignal;
}

const PASSWORD_BYTES = 18;

/** Makes one where the cluster has none, as soon as that is known; of several front ends that try, one does. */
export async function makeFirstAdministrator(options: FirstAdministratorOptions): Promise<void> {
  const { auth, known, onMade, retryMs, signal } = options;
  const pause = (): Promise<void> => sleep(retryMs, undefined, { signal }).catch(() => undefined);
  let hash: string | undefined;
  const password = options.password ?? randomBytes(PASSWORD_BYTES).toString('base64url');
  const isDue = async (): Promise<boolean> => {
    while (known.administered() === undefined && !signal.aborted) await pause();
    return known.administered() === false && !signal.aborted;
  };
  while (await isDue()) {
    hash ??= await hashPassword(password);
    try {
      const request = { name: FIRST_ADMINISTRATOR, passwordHash: hash };
      const { made } = await auth.makeFirstAdministrator(request, { signal });
      if (made)
        onMade({
          name: FIRST_ADMINISTRATOR,
          password: options.password === undefined ? password : undefined,
        });
      return;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'UNAVAILABLE') throw error;
      await pause();
    }
  }
}
