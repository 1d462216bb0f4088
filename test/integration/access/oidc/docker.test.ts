import { afterAll, describe, expect, it } from 'vitest';
import { availability } from '#test/support/client-program.ts';
import { startDockerEngine, type DockerEngine } from '#test/support/docker-engine.ts';
import { until } from '#test/support/guarded-cluster.ts';
import { asAdmin, exchange, logIn, vouchedOfEachTest } from './vouched.ts';

const started = await startDockerEngine();
const { usable, leftOut } = availability('docker', typeof started === 'string' ? started : undefined);

describe.skipIf(!usable)(`docker login${leftOut}`, () => {
  const { docker, stop } = started as DockerEngine;
  afterAll(() => stop());
  const vouched = vouchedOfEachTest();
  const login = (name: string, password: string): Promise<string> =>
    docker('login', '--username', name, '--password', password, vouched().cluster.registry('eu'));

  it('takes the secret of a person who logged in through an issuer in another region', async () => {
    const { name, secret } = await logIn(vouched(), 'us');
    await until(async () => (await login(name, secret).catch(() => '')).includes('Login Succeeded'));
    await expect(login(name, `${secret.slice(0, -5)}wrong`)).rejects.toThrow();
  });

  it('takes the token of a job in the place of a password', async () => {
    const claims = { aud: 'registry.example.net', sub: 'repo:octo/app:ref:refs/heads/main' };
    const rule = ['--audience', claims.aud, '--claim', `sub=${claims.sub}`, '--robot', 'builder'];
    expect((await asAdmin(vouched(), 'auth', 'issuers', 'allow', 'corp', ...rule)).code).toBe(0);
    const token = await vouched().provider.issue(claims);
    await until(async () => (await exchange(vouched(), 'eu', token)).status === 200);
    expect(await login('oidc', token)).toContain('Login Succeeded');
    const other = await vouched().provider.issue({ ...claims, sub: 'repo:evil/app:ref:refs/heads/main' });
    await expect(login('oidc', other)).rejects.toThrow();
  });
});
