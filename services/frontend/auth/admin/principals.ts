import { z } from 'zod';
import type { PrincipalChange } from '#libs/auth/changes.ts';
import { hashPassword } from '#libs/auth/password.ts';
import type { Entry } from '#libs/auth/policy.ts';
import { description, groupNames } from '#libs/auth/fields.ts';
import type { PrincipalRecord } from '#libs/auth/records.ts';
import { createSecret, type Secret } from '#libs/auth/secret.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { answerJson } from '../../http/answer.ts';
import { pathParameter, type Handler, type RequestContext } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import { jsonBody, shownTime, time } from './body.ts';
import { answerRemoved, settled } from './changed.ts';

type Kind = PrincipalRecord['kind'];

const change = z.strictObject({
  description: description.nullable().exactOptional(),
  groups: groupNames.exactOptional(),
  disabled: z.boolean().exactOptional(),
  expiresAt: time.nullable().exactOptional(),
  /** A user's. */
  password: z.string().exactOptional(),
  /** A robot gets another secret, which ends then. */
  secretExpiresAt: time.nullable().exactOptional(),
  removeSecrets: z.array(z.string()).exactOptional(),
});

/** All users, or all robots; none of their secrets. */
export function listPrincipals({ known }: Authentication, kind: Kind): Handler {
  return async (ctx) => {
    const all = known
      .state()
      .principals()
      .filter(({ record }) => record.kind === kind);
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, { [`${kind}s`]: all.map(shown) });
  };
}

/** Makes one; a robot's secret is in the answer, and nowhere else. */
export function makePrincipal(authentication: Authentication, kind: Kind): Handler {
  return async (ctx) => {
    await changePrincipal(authentication, ctx, kind, kind);
    ctx.status = 201;
  };
}

export function editPrincipal(authentication: Authentication, kind: Kind): Handler {
  return (ctx) => changePrincipal(authentication, ctx, kind, '');
}

export function removePrincipal(authentication: Authentication, kind: Kind): Handler {
  return async (ctx) => {
    const name = nameOf(authentication, ctx, kind);
    const { signal } = ctx.state;
    const changed = await authentication.auth.removePrincipal({ name, ifVersion: 0 }, { signal });
    await answerRemoved(authentication, ctx, changed);
  };
}

async function changePrincipal(
  authentication: Authentication,
  ctx: RequestContext,
  kind: Kind,
  make: Kind | '',
): Promise<void> {
  const name = make === '' ? nameOf(authentication, ctx, kind) : pathParameter(ctx, 'principal');
  const asked = await jsonBody(ctx, change);
  const secret =
    kind === 'robot' && (make !== '' || 'secretExpiresAt' in asked) ? createSecret('robot') : undefined;
  const request = { name, make, change: JSON.stringify(await changeOf(asked, kind, secret)), ifVersion: 0 };
  const changed = await authentication.auth.changePrincipal(request, { signal: ctx.state.signal });
  await settled(authentication, ctx, changed);
  const entry = authentication.known
    .state()
    .principals()
    .find((other) => other.name === name);
  ctx.set('Cache-Control', 'no-store');
  answerJson(ctx, {
    ...(entry === undefined ? { name, kind } : shown(entry)),
    ...(secret && { secret: secret.text }),
  });
}

async function changeOf(
  { expiresAt, password, secretExpiresAt, ...rest }: z.infer<typeof change>,
  kind: Kind,
  secret: Secret | undefined,
): Promise<PrincipalChange> {
  if (password !== undefined && kind === 'robot') {
    throw new RegistryError(
      'REQUEST_INVALID',
      'A robot has no password, but secrets that the registry makes.',
    );
  }
  const ends =
    secretExpiresAt === undefined || secretExpiresAt === null ? {} : { expiresAtMs: secretExpiresAt };
  return {
    ...rest,
    ...(expiresAt !== undefined && { expiresAtMs: expiresAt }),
    ...(password !== undefined && { passwordHash: await hashPassword(password) }),
    ...(secret !== undefined && { addSecret: { id: secret.id, sha256: secret.sha256, ...ends } }),
  };
}

/** Throws NAME_UNKNOWN where there is none of that kind. */
function nameOf({ known }: Authentication, ctx: RequestContext, kind: Kind): string {
  const name = pathParameter(ctx, 'principal');
  if (known.state().principal(name)?.kind === kind) return name;
  throw new RegistryError('NAME_UNKNOWN', `There is no ${kind} ${quote(name)}.`);
}

function shown({ name, record }: Entry<PrincipalRecord>): object {
  const { kind, groups, disabled, createdAtMs, expiresAtMs } = record;
  return {
    name,
    kind,
    ...(record.description !== undefined && { description: record.description }),
    ...{ groups, disabled, createdAt: shownTime(createdAtMs), expiresAt: shownTime(expiresAtMs) },
    ...(record.kind === 'user' && { hasPassword: record.password !== undefined }),
    ...(record.kind === 'user' && record.directory !== undefined && { directory: record.directory }),
    ...(record.kind === 'robot' && {
      secrets: record.secrets.map((secret) => ({
        id: secret.id,
        createdAt: shownTime(secret.createdAtMs),
        expiresAt: shownTime(secret.expiresAtMs),
      })),
    }),
  };
}
