import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { IssuerChange } from '#libs/auth/changes.ts';
import { issuerUrl, people, rule, type IssuerRecord, type People } from '#libs/auth/issuer.ts';
import type { Entry } from '#libs/auth/policy.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { answerJson } from '../../http/answer.ts';
import { pathParameter, type Handler, type RequestContext } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import type { Providers } from '../oidc/providers.ts';
import { jsonBody, shownTime } from './body.ts';
import { answerRemoved, settled } from './changed.ts';

const changedPeople = people.partial().extend({ groupsClaim: people.shape.groupsClaim.nullable() }).strict();

const asked = z.strictObject({
  allowPrivate: z.boolean().exactOptional(),
  people: changedPeople.nullable().exactOptional(),
});
const askedNew = asked.extend({ url: issuerUrl });
const askedRule = rule
  .omit({ id: true, robotId: true, sessionMs: true })
  .extend({ sessionMs: rule.shape.sessionMs.default(3_600_000) })
  .strict();

const NEW_PEOPLE = {
  scopes: ['profile', 'email'],
  nameClaim: 'preferred_username',
  sessionMs: 8 * 3_600_000,
};

/** All issuers of OpenID Connect, without the clients' secrets. */
export function listIssuers({ known }: Authentication): Handler {
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, { issuers: known.state().issuers().map(shown) });
  };
}

/** Adds one, if it is there and what it says of itself can be used. */
export function addIssuer(authentication: Authentication): Handler {
  return async (ctx) => {
    const { url, people: said, allowPrivate = false } = await jsonBody(ctx, askedNew);
    await requireUsable(authentication.providers, { id: randomUUID(), url, allowPrivate }, said != null);
    const { people: added } = peopleOf(said, undefined);
    await change(
      authentication,
      ctx,
      { make: true, ifVersion: 0 },
      { url, allowPrivate, ...(added && { people: added }) },
    );
    ctx.status = 201;
  };
}

/** Changes what is named, of the one that is there now. */
export function editIssuer(authentication: Authentication): Handler {
  return async (ctx) => {
    const { people: said, allowPrivate } = await jsonBody(ctx, asked);
    const { version, record } = issuerOf(authentication, ctx);
    const changes = { ...peopleOf(said, record.people), ...(allowPrivate !== undefined && { allowPrivate }) };
    await change(authentication, ctx, { make: false, ifVersion: version }, changes);
  };
}

export function removeIssuer(authentication: Authentication): Handler {
  return async (ctx) => {
    const request = { name: pathParameter(ctx, 'issuer'), ifVersion: 0 };
    const changed = await authentication.auth.removeIssuer(request, { signal: ctx.state.signal });
    await answerRemoved(authentication, ctx, changed);
  };
}

/** A rule by which the issuer's machines are a robot. */
export function addRule(authentication: Authentication): Handler {
  return async (ctx) => {
    const addRule = await jsonBody(ctx, askedRule);
    await change(authentication, ctx, { make: false, ifVersion: 0 }, { addRule });
    ctx.status = 201;
  };
}

export function removeRule(authentication: Authentication): Handler {
  return async (ctx) => {
    const { record } = issuerOf(authentication, ctx);
    const id = pathParameter(ctx, 'rule');
    if (!record.rules.some((known) => known.id === id)) {
      throw new RegistryError('NAME_UNKNOWN', `The issuer has no rule ${quote(id)}.`);
    }
    const request = {
      name: pathParameter(ctx, 'issuer'),
      make: false,
      change: JSON.stringify({ removeRules: [id] }),
      ifVersion: 0,
    };
    const changed = await authentication.auth.changeIssuer(request, { signal: ctx.state.signal });
    await answerRemoved(authentication, ctx, changed);
  };
}

async function change(
  authentication: Authentication,
  ctx: RequestContext,
  how: { readonly make: boolean; readonly ifVersion: number },
  changes: IssuerChange,
): Promise<void> {
  const name = pathParameter(ctx, 'issuer');
  const request = { name, change: JSON.stringify(changes), ...how };
  const changed = await authentication.auth.changeIssuer(request, { signal: ctx.state.signal });
  await settled(authentication, ctx, changed);
  ctx.set('Cache-Control', 'no-store');
  answerJson(ctx, shown(issuerOf(authentication, ctx)));
}

function issuerOf({ known }: Authentication, ctx: RequestContext): Entry<IssuerRecord> {
  const name = pathParameter(ctx, 'issuer');
  const found = known
    .state()
    .issuers()
    .find((issuer) => issuer.name === name);
  if (found !== undefined) return found;
  throw new RegistryError('NAME_UNKNOWN', `There is no issuer ${quote(name)}.`);
}

/** What is left out stays. Throws REQUEST_INVALID without a client. */
function peopleOf(
  said: z.infer<typeof changedPeople> | null | undefined,
  old: People | undefined,
): Pick<IssuerChange, 'people'> {
  if (said === undefined) return {};
  if (said === null) return { people: null };
  const { groupsClaim = old?.groupsClaim, ...rest } = said;
  const { groupsClaim: _old, ...kept } = old ?? (NEW_PEOPLE as Partial<People>);
  const parsed = people.safeParse({ ...kept, ...rest, ...(groupsClaim != null && { groupsClaim }) });
  if (parsed.success) return { people: parsed.data };
  throw new RegistryError(
    'REQUEST_INVALID',
    'The request is not valid at people: for people to log in, a clientId is needed.',
  );
}

async function requireUsable(
  providers: Providers,
  issuer: Parameters<Providers['metadata']>[0],
  forPeople: boolean,
): Promise<void> {
  try {
    const { authorization_endpoint: page, token_endpoint: tokens } = await providers.metadata(issuer);
    await providers.keys(issuer, false);
    if (!forPeople || (page !== undefined && tokens !== undefined)) return;
  } catch (cause) {
    if (!(cause instanceof RegistryError)) throw cause;
    throw new RegistryError('REQUEST_INVALID', `The issuer was not added: ${cause.message}`, { cause });
  }
  throw new RegistryError(
    'REQUEST_INVALID',
    'The issuer was not added: it has no page for people to log in.',
  );
}

function shown({ name, record }: Entry<IssuerRecord>): object {
  const { url, allowPrivate, createdAtMs, rules } = record;
  const { clientSecret, ...told } = record.people ?? {};
  return {
    ...{ name, url, allowPrivate, createdAt: shownTime(createdAtMs) },
    ...(record.people && { people: { ...told, hasClientSecret: clientSecret !== undefined } }),
    rules: rules.map(({ robotId: _robotId, ...rest }) => rest),
  };
}
