import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REGIONS } from '#test/support/cluster.ts';
import { basic, until } from '#test/support/guarded-cluster.ts';
import { hasSkopeo, skopeo, skopeoLeftOut } from '#test/support/skopeo.ts';
import { asAdmin, everywhere, exchange, statusIn, vouchedOfEachTest } from './vouched.ts';

const vouched = vouchedOfEachTest();

describe('a job of a CI', () => {
  const github = {
    aud: 'registry.example.net',
    sub: 'repo:octo/app:ref:refs/heads/main',
    repository: 'octo/app',
  };
  const gitlab = {
    aud: 'registry.example.net',
    sub: 'project_path:tools/cli:ref_type:branch:ref:main',
    project_path: 'tools/cli',
    ref_protected: 'true',
  };

  /** Whoever has all of the claims is the robot. */
  const allow = (claims: readonly string[]) => {
    const conditions = claims.flatMap((claim) => ['--claim', claim]);
    const rule = ['allow', 'corp', '--audience', github.aud, ...conditions, '--robot', 'builder'];
    return asAdmin(vouched(), 'auth', 'issuers', ...rule);
  };

  it('gets in in every region by rules, and no more as soon as they go; keys of its issuer may change', async () => {
    for (const claims of [
      ['sub=repo:octo/*:ref:refs/heads/main'],
      ['project_path=tools/cli', 'ref_protected=true'],
    ]) {
      const rule = await allow(claims);
      expect([rule.code, rule.err]).toEqual([0, '']);
    }
    for (const region of REGIONS) {
      for (const claims of [github, gitlab]) {
        const token = await vouched().provider.issue(claims);
        await until(async () => (await exchange(vouched(), region, token)).status === 200);
        expect(await statusIn(vouched(), region, basic('oidc', token))).toBe(202);
      }
      const refused = [
        { sub: 'repo:octo/app:pull_request' },
        { aud: 'other' },
        { iss: 'https://other.example' },
        { exp: 1 },
      ];
      for (const wrong of refused)
        expect(
          (await exchange(vouched(), region, await vouched().provider.issue({ ...github, ...wrong }))).status,
        ).toBe(401);
    }
    const old = await vouched().provider.issue(github);
    await vouched().provider.rotate();
    const { access_token: given } = JSON.parse((await exchange(vouched(), 'us', old)).body.toString()) as {
      access_token: string;
    };
    const bearer = { authorization: `Bearer ${given}` };
    await everywhere(vouched(), bearer, 202);
    for (const region of REGIONS) {
      await until(
        async () =>
          (await exchange(vouched(), region, await vouched().provider.issue(github))).status === 200,
      );
    }
    const told = JSON.parse((await vouched().cluster.change('GET', '/issuers')).body.toString()) as {
      issuers: { rules: { id: string }[] }[];
    };
    for (const { id } of told.issuers.flatMap(({ rules }) => rules))
      expect((await asAdmin(vouched(), 'auth', 'issuers', 'disallow', 'corp', id)).code).toBe(0);
    await everywhere(vouched(), bearer, 401);
    await everywhere(vouched(), basic('oidc', await vouched().provider.issue(github)), 401);
  });

  it.runIf(hasSkopeo)(`logs in by skopeo with its token as the password${skopeoLeftOut}`, async () => {
    await allow(['repository=octo/app']);
    const token = await vouched().provider.issue(github);
    await until(async () => (await exchange(vouched(), 'ap', token)).status === 200);
    const authFile = join(vouched().home, 'ci-auth.json');
    const login = await skopeo(
      'login',
      '--tls-verify=false',
      '--authfile',
      authFile,
      '-u',
      'oidc',
      '-p',
      token,
      vouched().cluster.registry('ap'),
    );
    expect(login).toContain('Login Succeeded');
  });
});
