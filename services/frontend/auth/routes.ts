import type { Route } from '../routes.ts';
import type { Authentication } from './authentication.ts';
import { TOKEN_PATH } from './challenge.ts';
import { readKeys } from './jwks.ts';
import { getToken, postToken } from './token-endpoint.ts';

/** The routes that there are only with authentication. */
export function authRoutes(authentication: Authentication): Route[] {
  return [
    ['get', TOKEN_PATH, 'nothing', getToken(authentication)],
    ['post', TOKEN_PATH, 'nothing', postToken(authentication)],
    ['get', '/meridian/v1/jwks', 'nothing', readKeys(authentication.keys)],
  ];
}
