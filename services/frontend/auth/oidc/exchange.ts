import type { Authentication } from '#libs/auth/identity.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { RequestContext } from '../../http/context.ts';
import type { Machines } from './machines.ts';

/** https://www.rfc-editor.org/rfc/rfc8693 */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const SUBJECT_TYPES = ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token'];

/** What the token of the form proves. Throws REQUEST_INVALID, and what `Machines` throw. */
export function proveExchange(
  machines: Machines,
  state: AuthState,
  ctx: RequestContext,
  form: URLSearchParams,
): Promise<Authentication> {
  requireOneOf(form, 'subject_token_type', SUBJECT_TYPES);
  if (form.has('requested_token_type')) requireOneOf(form, 'requested_token_type', [ACCESS_TOKEN]);
  const token = form.get('subject_token') ?? '';
  if (token === '')
    throw new RegistryError('REQUEST_INVALID', "The form's parameter subject_token is missing.");
  return machines.prove(state, ctx, token);
}

function requireOneOf(form: URLSearchParams, parameter: string, known: readonly string[]): void {
  const value = form.get(parameter) ?? '';
  if (known.includes(value)) return;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The form's ${parameter} is ${quote(value)}; expected ${known.join(' or ')}.`,
  );
}
