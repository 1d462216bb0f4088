import { readAudit } from '../audit/read-audit.ts';
import type { Route } from '../routes.ts';
import { addBinding, listBindings, removeBinding } from './admin/bindings.ts';
import { can } from './admin/can.ts';
import { listDirectories, removeDirectory, setDirectory } from './admin/directories.ts';
import { addIssuer, addRule, editIssuer, listIssuers, removeIssuer, removeRule } from './admin/issuers.ts';
import { rotateKeys } from './admin/keys.ts';
import { listTokens, makeToken, removeToken } from './admin/personal-tokens.ts';
import { editPrincipal, listPrincipals, makePrincipal, removePrincipal } from './admin/principals.ts';
import { changeOwnPassword, whoAmI } from './admin/self.ts';
import type { Authentication } from './authentication.ts';
import { TOKEN_PATH } from './challenge.ts';
import { readKeys } from './jwks.ts';
import { beginLogin, completeLogin, endLogin } from './oidc/login-pages.ts';
import { getToken, postToken } from './token-endpoint.ts';

const AUTH = '/meridian/v1/auth';
const KINDS = ['user', 'robot'] as const;

/** The routes that there are only with authentication. None of their deletions is one of content. */
export function authRoutes(authentication: Authentication): Route[] {
  return [
    ['get', TOKEN_PATH, 'nothing', getToken(authentication)],
    ['post', TOKEN_PATH, 'nothing', postToken(authentication)],
    ['get', `${AUTH}/oidc/:issuer/start`, 'nothing', beginLogin(authentication)],
    ['get', `${AUTH}/oidc/:issuer/callback`, 'nothing', endLogin(authentication)],
    ['post', `${AUTH}/oidc/:issuer/session`, 'nothing', completeLogin(authentication)],
    ['get', '/meridian/v1/jwks', 'nothing', readKeys(authentication.keys)],

    ...KINDS.flatMap((kind): Route[] => [
      ['get', `${AUTH}/${kind}s`, 'administer', listPrincipals(authentication, kind)],
      ['put', `${AUTH}/${kind}s/:principal`, 'administer', makePrincipal(authentication, kind)],
      ['patch', `${AUTH}/${kind}s/:principal`, 'administer', editPrincipal(authentication, kind)],
      [
        'delete',
        `${AUTH}/${kind}s/:principal`,
        'administer',
        removePrincipal(authentication, kind),
        'deletes no content',
      ],
    ]),
    ['get', `${AUTH}/bindings`, 'administer', listBindings(authentication)],
    ['post', `${AUTH}/bindings`, 'administer', addBinding(authentication)],
    ['delete', `${AUTH}/bindings/:id`, 'administer', removeBinding(authentication), 'deletes no content'],
    ['get', `${AUTH}/issuers`, 'administer', listIssuers(authentication)],
    ['put', `${AUTH}/issuers/:issuer`, 'administer', addIssuer(authentication)],
    ['patch', `${AUTH}/issuers/:issuer`, 'administer', editIssuer(authentication)],
    ['delete', `${AUTH}/issuers/:issuer`, 'administer', removeIssuer(authentication), 'deletes no content'],
    ['post', `${AUTH}/issuers/:issuer/rules`, 'administer', addRule(authentication)],
    [
      'delete',
      `${AUTH}/issuers/:issuer/rules/:rule`,
      'administer',
      removeRule(authentication),
      'deletes no content',
    ],
    ['get', `${AUTH}/directories`, 'administer', listDirectories(authentication)],
    ['put', `${AUTH}/directories/:directory`, 'administer', setDirectory(authentication)],
    [
      'delete',
      `${AUTH}/directories/:directory`,
      'administer',
      removeDirectory(authentication),
      'deletes no content',
    ],
    ['post', `${AUTH}/keys/rotation`, 'administer', rotateKeys(authentication)],
    ['get', '/meridian/v1/audit', 'administer', readAudit(authentication)],

    // What is one's own takes no more than to be someone; what is others', the handlers ask for.
    ['get', `${AUTH}/tokens`, 'login', listTokens(authentication)],
    ['post', `${AUTH}/tokens`, 'login', makeToken(authentication)],
    ['delete', `${AUTH}/tokens/:id`, 'login', removeToken(authentication), 'deletes no content'],
    ['get', `${AUTH}/self`, 'login', whoAmI],
    ['put', `${AUTH}/self/password`, 'login', changeOwnPassword(authentication)],
    ['get', `${AUTH}/can`, 'login', can(authentication)],
  ];
}
