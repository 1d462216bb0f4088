import type { Auth } from '#libs/rpc/contracts.ts';
import { createAdmitUser } from './admit-user.ts';
import { createAddBinding, createRemoveBinding } from './bindings.ts';
import type { AuthOptions } from './change.ts';
import { createChangePrincipal } from './change-principal.ts';
import { createRemoveDirectory, createSetDirectory } from './directories.ts';
import { createMakeFirstAdministrator } from './first-administrator.ts';
import { createFollowAuth, type FollowAuthOptions } from './follow-auth.ts';
import { createChangeIssuer, createRemoveIssuer } from './issuers.ts';
import { createLogIn } from './log-in.ts';
import { createRemovePrincipal } from './remove-principal.ts';
import { createRotateKeys } from './rotate-keys.ts';
import { createAddToken, createRemoveToken } from './tokens.ts';

/** The contract of proto/meridian/v1/auth.proto. */
export function authHandlers(options: AuthOptions & Omit<FollowAuthOptions, 'frameEveryMs'>): Auth {
  return {
    follow: createFollowAuth({ ...options, frameEveryMs: options.settings.frameEveryMs }),
    makeFirstAdministrator: createMakeFirstAdministrator(options),
    changePrincipal: createChangePrincipal(options),
    removePrincipal: createRemovePrincipal(options),
    addToken: createAddToken(options),
    removeToken: createRemoveToken(options),
    setDirectory: createSetDirectory(options),
    removeDirectory: createRemoveDirectory(options),
    admitUser: createAdmitUser(options),
    addBinding: createAddBinding(options),
    removeBinding: createRemoveBinding(options),
    changeIssuer: createChangeIssuer(options),
    removeIssuer: createRemoveIssuer(options),
    logIn: createLogIn(options),
    rotateKeys: createRotateKeys(options),
  };
}
