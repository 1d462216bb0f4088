import { describe, expect, it } from 'vitest';
import { authenticate } from '#libs/auth/credentials.ts';
import { identify, type Authentication } from '#libs/auth/identity.ts';
import { parsePrincipalName } from '#libs/auth/names.ts';
import { hashPassword, isPasswordHash, verifyPassword } from '#libs/auth/password.ts';
import { createSecret, isSecret, parseSecret } from '#libs/auth/secret.ts';
import { parseNamePattern } from '#libs/oci/name-pattern.ts';
import { NOW_MS, robot, stateOf, user } from './state.ts';

const PASSWORD = 'correct horse battery';
const hash = await hashPassword(PASSWORD);

describe('a password', () => {
  it('is known by its hash, however its letters were typed, and no other is', async () => {
    const composed = await hashPassword('caf\u00e9 society');
    expect(isPasswordHash(composed)).toBe(true);
    expect(await verifyPassword('cafe\u0301 society', composed)).toBe(true);
    expect(await verifyPassword('cafe society', composed)).toBe(false);
  });

  it('is never right where none is set', async () => {
    expect(await verifyPassword('', undefined)).toBe(false);
    expect(await verifyPassword(PASSWORD, undefined)).toBe(false);
  });

  it.each(['too short', 'x'.repeat(1_025)])('has a length within limits', async (password) => {
    await expect(hashPassword(password)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('has no hash that would take minutes or gigabytes to compare', () => {
    const end = `${'A'.repeat(22)}$${'A'.repeat(43)}`;
    expect(isPasswordHash(`scrypt$32768$8$3$${end}`)).toBe(true);
    for (const cost of ['262144$8$1', '32768$9$1', '32768$8$9', '32767$8$1', '0$8$1', '1$8$1', '32768$0$1']) {
      expect(isPasswordHash(`scrypt$${cost}$${end}`)).toBe(false);
    }
  });
});

describe('a secret', () => {
  it('says what it is, and is known by its hash', () => {
    const secret = createSecret('token');
    expect(parseSecret(secret.text)).toEqual({ kind: 'token', id: secret.id });
    expect(isSecret(secret.text, secret.sha256)).toBe(true);
    expect(isSecret(createSecret('token').text, secret.sha256)).toBe(false);
    expect(secret.sha256).not.toContain(secret.text);
  });
});

describe('credentials', () => {
  const secret = createSecret('robot');
  const token = createSecret('token');
  const policy = stateOf({
    principal: {
      alice: user('alice', { password: { id: 'password-1', hash } }),
      bob: user('bob'),
      ci: robot('ci', {
        secrets: [{ id: secret.id, sha256: secret.sha256, createdAtMs: 0, expiresAtMs: NOW_MS }],
      }),
    },
    token: {
      [token.id]: {
        ...{
          owner: parsePrincipalName('alice'),
          ownerId: 'id-of-alice',
          sha256: token.sha256,
          createdAtMs: 0,
        },
        grants: [{ actions: ['pull'], repositories: parseNamePattern('team/**') }],
      },
    },
  });

  it.each([
    ['alice', PASSWORD, 'password:password-1'],
    ['alice', 'another password', undefined],
    ['nobody', PASSWORD, undefined],
    ['bob', PASSWORD, undefined],
    ['ci', PASSWORD, undefined],
    ['ci', secret.text, `secret:${secret.id}`],
    ['alice', secret.text, undefined],
    ['alice', token.text, `token:${token.id}`],
    ['bob', token.text, undefined],
    ['__proto__', PASSWORD, undefined],
    ['alice', createSecret('token').text, undefined],
  ])('%s with %s', async (name, password, credential) => {
    const proven = await authenticate(policy, { name, password });
    expect(proven?.credential).toBe(credential);
  });

  it('are worth what they are when they are used', () => {
    const proven = (name: string, credential: Authentication['credential'], id = `id-of-${name}`) =>
      identify(policy, { name: parsePrincipalName(name), id, credential }, NOW_MS - 1);
    expect(proven('alice', 'password:password-1')).toMatchObject({ kind: 'user', limits: [] });
    expect(proven('alice', 'password:password-0')).toBeUndefined();
    expect(proven('alice', 'password:password-1', 'id-of-an-earlier-alice')).toBeUndefined();
    expect(proven('alice', `token:${token.id}`)).toMatchObject({ limits: [[{ actions: ['pull'] }]] });
    expect(proven('bob', `token:${token.id}`)).toBeUndefined();
    expect(proven('ci', `secret:${secret.id}`)).toMatchObject({ kind: 'robot' });
    const later = {
      name: parsePrincipalName('ci'),
      id: 'id-of-ci',
      credential: `secret:${secret.id}` as const,
    };
    expect(identify(policy, later, NOW_MS)).toBeUndefined();
  });

  it.each([{ disabled: true }, { expiresAtMs: NOW_MS }])('are worth nothing for who is %j', async (why) => {
    const password = { id: 'password-1', hash };
    const policy = stateOf({ principal: { alice: user('alice', { password, ...why }) } });
    const proven = await authenticate(policy, { name: 'alice', password: PASSWORD });
    expect(proven).toBeDefined();
    if (proven !== undefined) expect(identify(policy, proven, NOW_MS)).toBeUndefined();
  });
});
