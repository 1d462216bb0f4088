import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { REGIONS } from '#test/support/cluster.ts';
import { basic } from '#test/support/guarded-cluster.ts';
import { send } from '#test/support/registry-client.ts';
import { hasSkopeo, skopeo, skopeoLeftOut } from '#test/support/skopeo.ts';
import { browse, everywhere, firstPage, logIn, program, statusIn, vouchedOfEachTest } from './vouched.ts';

const vouched = vouchedOfEachTest();

describe('a person', () => {
  it.each([
    ['us', 'us'],
    ['eu', 'ap'],
  ] as const)(
    'logs in by meridian login --oidc in %s, comes back through %s, and pushes in every region',
    async (region, back) => {
      const { name, headers } = await logIn(vouched(), region, back);
      expect(name).toBe('corp+alice');
      await everywhere(vouched(), headers, 202);
      for (const other of REGIONS) expect(await statusIn(vouched(), other, headers, 'other/app')).toBe(404);
      const self = await send(vouched().cluster.registry('ap'), 'GET', '/meridian/v1/auth/self', { headers });
      expect(JSON.parse(self.body.toString())).toEqual({
        name: 'corp+alice',
        kind: 'user',
        groups: ['corp/devs'],
      });
    },
  );

  it('is known by what the issuer tells on being asked, where its token does not say', async () => {
    vouched().provider.claimsIn = 'userinfo';
    const { name, headers } = await logIn(vouched(), 'us');
    expect(name).toBe('corp+alice');
    await everywhere(vouched(), headers, 202);
  });

  it('is in the groups of the last login alone, with whatever he got before (CVE-2025-23208)', async () => {
    const first = await logIn(vouched(), 'us');
    await everywhere(vouched(), first.headers, 202);
    const token = JSON.parse(
      (
        await send(vouched().cluster.registry('us'), 'POST', '/meridian/v1/auth/tokens', {
          headers: first.headers,
          body: '{}',
        })
      ).body.toString(),
    ) as { secret: string };
    vouched().provider.person = { sub: '1', preferred_username: 'alice', groups: [] };
    const second = await logIn(vouched(), 'eu');
    expect(second.name).toBe(first.name);
    for (const headers of [first.headers, second.headers, basic(first.name, token.secret)])
      await everywhere(vouched(), headers, 404);
  });

  it('is never taken for a user of the registry, nor for another person, whatever the issuer calls him', async () => {
    await vouched().cluster.change('PUT', '/users/bob', {});
    await vouched().cluster.change('POST', '/bindings', {
      role: 'administrator',
      subject: 'user:bob',
      repositories: '**',
    });
    for (const preferred_username of ['bob', 'admin']) {
      vouched().provider.person = {
        sub: `sub of ${preferred_username}`,
        preferred_username,
        groups: ['../devs', 'admin'],
      };
      const { name, headers } = await logIn(vouched(), 'us');
      expect(name).toBe(`corp+${preferred_username}`);
      await everywhere(vouched(), headers, 404);
      const answer = await send(vouched().cluster.registry('us'), 'GET', '/meridian/v1/auth/users', {
        headers,
      });
      expect(answer.status).toBe(403);
    }
    await logIn(vouched(), 'us');
    vouched().provider.person = { sub: 'another', preferred_username: 'admin', groups: ['devs'] };
    const child = program(vouched(), ['login', '--oidc', 'corp', '--no-browser'], 'us');
    const said = text(child.stderr.pipe(new PassThrough()));
    await fetch(await browse(await firstPage(child)));
    expect(await said).toContain('another user');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(1);
  });

  it('is nobody in any region once the session is revoked, the account disabled, or the issuer removed', async () => {
    const one = await logIn(vouched(), 'us');
    await everywhere(vouched(), one.headers, 202);
    const { tokens } = JSON.parse((await vouched().cluster.change('GET', '/tokens')).body.toString()) as {
      tokens: { id: string }[];
    };
    const own = tokens.find(({ id }) => one.secret.includes(id))?.id ?? '';
    await vouched().cluster.change('DELETE', `/tokens/${own}`);
    await everywhere(vouched(), one.headers, 401);
    const two = await logIn(vouched(), 'us');
    await everywhere(vouched(), two.headers, 202);
    await vouched().cluster.change('PATCH', '/users/corp+alice', { disabled: true });
    await everywhere(vouched(), two.headers, 401);
    await vouched().cluster.change('PATCH', '/users/corp+alice', { disabled: false });
    await everywhere(vouched(), two.headers, 202);
    await vouched().cluster.change('PATCH', '/issuers/corp', { people: null });
    await everywhere(vouched(), two.headers, 401);
  });

  it.runIf(hasSkopeo)(`uses skopeo with the secret${skopeoLeftOut}`, async () => {
    const { name, secret } = await logIn(vouched(), 'us');
    const authFile = join(vouched().home, 'auth.json');
    const registry = vouched().cluster.registry('eu');
    const login = await skopeo(
      'login',
      '--tls-verify=false',
      '--authfile',
      authFile,
      '--username',
      name,
      '--password',
      secret,
      registry,
    );
    expect(login).toContain('Login Succeeded');
    const wrong = skopeo(
      'login',
      '--tls-verify=false',
      '--authfile',
      authFile,
      '-u',
      name,
      '-p',
      `${secret.slice(0, -1)}x`,
      registry,
    );
    await expect(wrong).rejects.toThrow();
  });
});
