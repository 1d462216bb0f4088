import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { defaultAuthSettings } from '#services/frontend/auth/settings.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { startOidcProvider, type OidcProvider } from '#test/support/oidc-provider.ts';
import type { Answer } from '#test/support/registry-client.ts';
import { json, type TestFrontend } from '../harness.ts';
import type { Guarded } from './harness.ts';
import { grant } from './people.ts';

/** As GitHub Actions tells of a job. */
export const GITHUB = {
  sub: 'repo:octo/app:ref:refs/heads/main',
  aud: 'registry.example.net',
  repository: 'octo/app',
  repository_owner: 'octo',
  ref: 'refs/heads/main',
  event_name: 'push',
};
/** As GitLab does. */
export const GITLAB = {
  sub: 'project_path:tools/cli:ref_type:branch:ref:main',
  aud: 'registry.example.net',
  project_path: 'tools/cli',
  namespace_path: 'tools',
  ref_protected: 'true',
};
export const RULE = {
  id: 'rule-of-github',
  audience: GITHUB.aud,
  claims: [{ claim: 'sub', pattern: 'repo:octo/*:ref:refs/heads/main' }],
  robot: 'builder',
  robotId: 'id-of-builder',
  sessionMs: 3_600_000,
};

export interface Ci {
  readonly provider: OidcProvider;
  readonly ap: TestFrontend;
  /** What the issuer is to be from now on. */
  readonly put: (changes?: object) => Promise<void>;
  readonly exchange: (token: string, fields?: Record<string, string>) => Promise<Answer>;
}

/** A front end with an issuer, and a rule for it. */
export async function openCi(guarded: () => Guarded): Promise<Ci> {
  const { memory, open: openRegion, known } = guarded();
  const provider = await startOidcProvider();
  onTestFinished(() => provider.close());
  const directory = await mkdtemp(join(tmpdir(), 'meridian-audit-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const oidc = { ...defaultAuthSettings.oidc, loopbackHttp: true };
  const ap = await openRegion(memoryRegions('ap').ap, { oidc, auditDirectory: directory });
  const robot = { kind: 'robot', groups: [], disabled: false, createdAtMs: 0, secrets: [] };
  memory.put('principal', 'builder', { ...robot, id: 'id-of-builder' });
  memory.put('principal', 'other', { ...robot, id: 'id-of-other' });
  grant(memory, 'developer', 'robot:builder', 'team/**');
  grant(memory, 'puller', 'robot:other', 'team/**');
  const issuer = {
    id: 'id-of-the-issuer',
    url: provider.url,
    allowPrivate: false,
    sealingKey: 'x'.repeat(43),
    createdAtMs: 0,
  };
  const put = async (changes: object = {}): Promise<void> => {
    memory.put('issuer', 'ci', { ...issuer, rules: [RULE], ...changes });
    await settled();
  };
  const settled = async (): Promise<void> => {
    await known();
    const marker = randomUUID();
    memory.put('issuer', 'marker', { ...issuer, id: marker, url: `https://${marker}.example`, rules: [] });
    const seen = async (): Promise<boolean> =>
      (await ap.send('GET', '/meridian/v1/auth/issuers', { headers: guarded().admin.basic })).body.includes(
        marker,
      );
    await expect.poll(seen, { interval: 5, timeout: 10_000 }).toBe(true);
  };
  await put();
  const exchange = (token: string, fields: Record<string, string> = {}): Promise<Answer> => {
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      subject_token: token,
      scope: 'repository:team/app:pull,push',
      ...fields,
    };
    return ap.send('POST', '/meridian/v1/token', { body: new URLSearchParams(form).toString() });
  };
  return { provider, ap, put, exchange };
}

export function accessOf(answer: Answer): string {
  return (json(answer) as { access_token: string }).access_token;
}
