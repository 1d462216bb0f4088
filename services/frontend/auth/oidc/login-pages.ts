import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { personLogin, type IssuerRecord, type People } from '#libs/auth/issuer.ts';
import type { Entry } from '#libs/auth/policy.ts';
import { createSecret } from '#libs/auth/secret.ts';
import type { UserRecord } from '#libs/auth/records.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { answerEmpty, answerJson } from '../../http/answer.ts';
import { pathParameter, queryParameter, type Handler, type RequestContext } from '../../http/context.ts';
import { jsonBody, shownTime } from '../admin/body.ts';
import { settled } from '../admin/changed.ts';
import type { Authentication } from '../authentication.ts';
import { publicUrlOf } from '../challenge.ts';
import { redeemCode } from './code-flow.ts';
import { personOf } from './person.ts';
import { seal, unseal } from './sealed.ts';

/*
 * How a person logs in through an issuer: `meridian login` opens the first page in a browser, which goes on to the issuer's, comes back to the second
 * one at whichever front end, and ends at the program itself, on the person's own machine, with what the program then gives for a token of the
 * registry. Nothing is kept meanwhile: all that must be known later goes along, sealed. Whoever listens on the way gains nothing, as the program
 * alone has what its challenge was made of.
 */

const TEXT_OF_32_BYTES = /^[A-Za-z0-9_-]{43}$/;
const begun = z.object({
  nonce: z.string(),
  verifier: z.string(),
  redirectUri: z.string(),
  challenge: z.string(),
  port: z.int(),
});
const result = z.object({ person: personLogin, challenge: z.string(), tokenId: z.string() });
const asked = z.strictObject({ code: z.string(), verifier: z.string().regex(TEXT_OF_32_BYTES) });

/** For typing a password and finding a telephone. */
const BEGUN_MS = 10 * 60_000;
const RESULT_MS = 60_000;

/** The first page: on to the issuer. */
export function beginLogin(authentication: Authentication): Handler {
  const { providers, settings, clock } = authentication;
  return async (ctx) => {
    const { issuer, people } = issuerOf(authentication, ctx);
    const challenge = queryParameter(ctx, 'challenge') ?? '';
    const port = Number(queryParameter(ctx, 'port'));
    if (!TEXT_OF_32_BYTES.test(challenge) || !Number.isInteger(port) || port < 1024 || port > 65_535)
      throw new RegistryError(
        'REQUEST_INVALID',
        'A login begins with the challenge and port of a program: run "meridian login --oidc NAME".',
      );
    const { authorization_endpoint: endpoint = '' } = await providers.metadata(issuer.record);
    const page = URL.parse(endpoint);
    if (page?.protocol !== 'https:' && !(page?.protocol === 'http:' && settings.oidc.loopbackHttp))
      throw new RegistryError('UNAVAILABLE', "The issuer's page for logins has no https URL.");
    const [nonce, verifier] = [randomText(), randomText()];
    const redirectUri = `${publicUrlOf(ctx, settings.publicUrl)}/meridian/v1/auth/oidc/${issuer.name}/callback`;
    const state = { nonce, verifier, redirectUri, challenge, port } satisfies z.infer<typeof begun>;
    const parameters = {
      ...{ response_type: 'code', client_id: people.clientId, redirect_uri: redirectUri, nonce },
      scope: ['openid', ...people.scopes.filter((scope) => scope !== 'openid')].join(' '),
      state: seal(issuer.record.sealingKey, 'state', state, clock() + BEGUN_MS),
      ...{ code_challenge: challengeOf(verifier), code_challenge_method: 'S256' },
    };
    for (const [name, value] of Object.entries(parameters)) page.searchParams.set(name, value);
    redirect(ctx, page.href);
  };
}

/** The second page: back from the issuer, and on to the program, also with what went wrong. */
export function endLogin(authentication: Authentication): Handler {
  return async (ctx) => {
    const { issuer, people } = issuerOf(authentication, ctx);
    const key = issuer.record.sealingKey;
    const state = unseal(key, 'state', queryParameter(ctx, 'state') ?? '', begun, authentication.clock());
    const back = async (): Promise<Record<string, string>> => {
      try {
        const claims = await redeemCode(
          authentication,
          issuer,
          people,
          await codeOf(authentication, issuer, ctx),
          state,
        );
        const person = personOf(issuer.name, people, claims);
        const content = { person, challenge: state.challenge, tokenId: randomBytes(10).toString('hex') };
        return {
          code: seal(
            key,
            'result',
            content satisfies z.infer<typeof result>,
            authentication.clock() + RESULT_MS,
          ),
        };
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        ctx.state.vouched = { issuer: issuer.name, subject: '', name: '', id: '' };
        ctx.state.failure = error;
        return { error: error.message };
      }
    };
    const told = new URLSearchParams({ ...(await back()), challenge: state.challenge });
    redirect(ctx, `http://127.0.0.1:${state.port}/?${told.toString()}`);
  };
}

/** The program gives what it got, and what its challenge was made of, for a token of the registry. */
export function completeLogin(authentication: Authentication): Handler {
  return async (ctx) => {
    const { issuer } = issuerOf(authentication, ctx);
    const { code, verifier } = await jsonBody(ctx, asked);
    const { person, challenge, tokenId } = unseal(
      issuer.record.sealingKey,
      'result',
      code,
      result,
      authentication.clock(),
    );
    ctx.state.vouched = { issuer: issuer.name, subject: person.subject, name: '', id: '' };
    if (!timingSafeEqual(Buffer.from(challengeOf(verifier)), Buffer.from(challenge)))
      throw new RegistryError('UNAUTHORIZED', 'The login was begun by another program. Begin it again.');
    const { id, sha256, text } = createSecret('token', tokenId);
    const request = { issuer: issuer.name, issuerId: issuer.record.id, person: JSON.stringify(person) };
    const { signal } = ctx.state;
    const changed = await authentication.auth.logIn(
      { ...request, tokenId: id, tokenSha256: sha256 },
      { signal },
    );
    await settled(authentication, ctx, changed);
    const user = JSON.parse(changed.entry?.record ?? '') as UserRecord;
    const name = changed.entry?.name ?? '';
    ctx.state.vouched = { ...ctx.state.vouched, name, id: user.id };
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, {
      ...{ name, groups: [...user.groups, ...(user.login?.groups ?? [])], secret: text },
      expiresAt: shownTime(user.login?.endsAtMs),
    });
    ctx.status = 201;
  };
}

function issuerOf(
  { known }: Authentication,
  ctx: RequestContext,
): { readonly issuer: Entry<IssuerRecord>; readonly people: People } {
  const name = pathParameter(ctx, 'issuer');
  const issuer = known
    .state()
    .issuers()
    .find((one) => one.name === name);
  if (issuer?.record.people !== undefined) return { issuer, people: issuer.record.people };
  throw new RegistryError('NAME_UNKNOWN', `There is no issuer ${quote(name)} that people log in through.`);
}

/** What the issuer gave the browser to bring. https://www.rfc-editor.org/rfc/rfc9207 */
async function codeOf(
  { providers }: Authentication,
  { record }: Entry<IssuerRecord>,
  ctx: RequestContext,
): Promise<string> {
  const { authorization_response_iss_parameter_supported: saysWho } = await providers.metadata(record);
  const from = queryParameter(ctx, 'iss') ?? (saysWho ? '' : record.url);
  if (from !== record.url)
    throw new RegistryError(
      'UNAUTHORIZED',
      'The answer came from another issuer than was asked. Begin the login again.',
    );
  const error = queryParameter(ctx, 'error');
  if (error !== undefined)
    throw new RegistryError('UNAUTHORIZED', `The issuer did not log you in, and says ${quote(error)}.`);
  const code = queryParameter(ctx, 'code') ?? '';
  if (code === '')
    throw new RegistryError(
      'UNAUTHORIZED',
      'The issuer sent neither a code nor an error. Begin the login again.',
    );
  return code;
}

function redirect(ctx: RequestContext, location: string): void {
  ctx.set({ Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
  answerEmpty(ctx, 302);
}

function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
