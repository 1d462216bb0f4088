import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, type RegionCertificates } from '#test/support/certificates.ts';
import { etcdLeftOut, hasEtcd } from '#test/support/etcd.ts';
import { ETCD_USER, startGuardedEtcd, type GuardedEtcd } from '#test/support/guarded-etcd.ts';
import { freePorts } from '#test/support/ports.ts';
import { requestsToRefuse } from '#test/support/requests-with-secrets.ts';
import { startRawCollector, type RawCollector } from '#test/support/raw-collector.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';
import { SERVICES, startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';
import { createTlsClient, type TlsClient, type TlsSent } from '#test/support/tls-client.ts';
import { until, basic } from '#test/support/guarded-cluster.ts';

/** Each secret has this in it, so that all are found at once. */
const MARK = 'mArKeDsEcReT';
const marked = (what: string): string => `${MARK}-${what}-0123456789`;
const ADMIN_PASSWORD = marked('admin');
const soon = { timeout: 60_000, interval: 200 };

describe.skipIf(!hasEtcd || !hasRedis)(
  `what is secret is in nothing that a region writes or sends${etcdLeftOut}${redisLeftOut}`,
  () => {
    let scratch: string;
    let certificates: RegionCertificates;
    let etcd: GuardedEtcd;
    let redis: RedisProcess;
    let collector: RawCollector;
    let region: SeparateRegion;
    let client: TlsClient;
    let passwords: Record<'etcd' | 'redis' | 'admin', string>;
    /** Made by the registry while the test runs. */
    const made: string[] = [];
    const answers: string[] = [];

    const ask = async (method: string, path: string, sent: TlsSent = {}): Promise<Told> => {
      const { status, headers, body } = await client.send(method, path, sent);
      return { status, headers: JSON.stringify(headers), body: body.toString() };
    };
    /** For answers in which no secret belongs, not even to whom it was asked of. */
    const told = async (method: string, path: string, sent: TlsSent = {}): Promise<Told> => {
      const answer = await ask(method, path, sent);
      answers.push(answer.headers, answer.body);
      return answer;
    };
    const admin = (method: string, path: string, body?: object): Promise<Told> =>
      ask(method, `/meridian/v1/auth${path}`, {
        headers: basic('admin', ADMIN_PASSWORD),
        ...(body && { body: JSON.stringify(body) }),
      });

    beforeAll(async () => {
      scratch = await mkdtemp(join(tmpdir(), 'meridian-secrets-'));
      certificates = makeCertificates(join(scratch, 'certificates'), ['us']).us;
      [etcd, redis, collector] = await Promise.all([
        startGuardedEtcd(certificates, marked('etcd')),
        startRedis(['--requirepass', marked('other')]),
        startRawCollector(),
      ]);
      const file = (name: string, text: string): string => {
        writeFileSync(join(scratch, name), text);
        return join(scratch, name);
      };
      passwords = {
        etcd: file('etcd', marked('etcd')),
        redis: file('redis', marked('redis')),
        admin: file('admin', ADMIN_PASSWORD),
      };
      const [peerPort = 0] = await freePorts(1);
      const shared = { MERIDIAN_LOG_LEVEL: 'debug', OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
      const scratchpad = { MERIDIAN_REDIS_URL: redis.url, MERIDIAN_REDIS_PASSWORD_FILE: passwords.redis };
      region = await startSeparateRegion({
        ...{ region: 'us', dataDir: join(scratch, 'us'), peerPort, regions: `us=127.0.0.1:${peerPort}` },
        ...{ etcd: etcd.endpoint, tls: certificates, etcdTls: certificates.etcdClient },
        env: {
          storage: shared,
          replication: {
            ...{ ...shared, ...scratchpad },
            MERIDIAN_ETCD_USERNAME: ETCD_USER,
            MERIDIAN_ETCD_PASSWORD_FILE: passwords.etcd,
          },
          frontend: {
            ...{ ...shared, ...scratchpad },
            MERIDIAN_AUTH: 'on',
            MERIDIAN_AUDIT_DIR: join(scratch, 'audit'),
            MERIDIAN_ADMIN_PASSWORD_FILE: passwords.admin,
            MERIDIAN_HTTP_TLS_CERT: certificates.registry.cert,
            MERIDIAN_HTTP_TLS_KEY: certificates.registry.key,
          },
        },
      });
      client = createTlsClient(`localhost:${region.registry.split(':')[1] ?? ''}`, [
        readFileSync(certificates.ca),
      ]);
      const headers = basic('admin', ADMIN_PASSWORD);
      await until(async () => (await client.send('GET', '/v2/', { headers })).status === 200);
    }, 240_000);
    afterAll(async () => {
      client.close();
      await region.stop();
      await Promise.all([etcd.dispose(), redis.kill(), collector.close()]);
      await rm(scratch, { recursive: true, force: true });
    });

    it('while users, robots and tokens are made and used', async () => {
      await admin('PUT', '/users/alice', { password: marked('alice') });
      await admin('POST', '/bindings', {
        role: 'maintainer',
        subject: 'user:alice',
        repositories: 'team/**',
      });
      made.push(secretIn(await admin('PUT', '/robots/ci', {})));
      const headers = basic('alice', marked('alice'));
      const token = await ask('POST', '/meridian/v1/auth/tokens', { headers, body: '{}' });
      made.push(secretIn(token));
      const scope = 'service=meridian&scope=repository:team/app:pull,push&offline_token=true';
      const tokens = JSON.parse(
        (await ask('GET', `/meridian/v1/token?${scope}`, { headers })).body,
      ) as Record<string, string>;
      const form = new URLSearchParams({
        ...{ grant_type: 'password', username: 'alice', password: marked('alice'), client_id: 'test' },
        ...{ service: 'meridian', scope: 'repository:team/app:pull' },
      }).toString();
      const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
      const granted = await ask('POST', '/meridian/v1/token', { headers: urlencoded, body: form });
      expect(granted.status).toBe(200);
      made.push(...Object.values(tokens).filter((text) => text.length > 40));
      expect(made.length).toBeGreaterThanOrEqual(4);
      const bearer = { authorization: `Bearer ${tokens['token'] ?? ''}` };
      expect((await told('POST', '/v2/team/app/blobs/uploads/', { headers: bearer })).status).toBe(202);
      expect((await told('GET', '/v2/team/app/tags/list', { headers: bearer })).status).toBe(404);
    });

    it('while what is wrong is refused', async () => {
      const wrong = marked('wrong');
      const people = { admin: basic('admin', ADMIN_PASSWORD), alice: basic('alice', marked('alice')) };
      for (const [method, path, sent] of requestsToRefuse(wrong, people))
        expect((await told(method, path, sent)).status, `${method} ${path}`).toBeGreaterThanOrEqual(400);
      // A token of somebody who is nobody.
      expect(await ask('GET', `/meridian/v1/token?account=${wrong}&password=${wrong}`)).toMatchObject({
        status: 200,
      });
    });

    it('while Redis and etcd refuse the passwords, and while a key is spoiled', async () => {
      const [frontend, replication] = [region.process('frontend'), region.process('replication')];
      for (const process of [frontend, replication])
        await expect.poll(() => process.log(), soon).toMatch(/WRONGPASS|invalid username-password/);
      writeFileSync(passwords.etcd, marked('etcd-wrong'));
      await etcd.restart();
      const answer = async (): Promise<number> =>
        (
          await told('PATCH', '/meridian/v1/settings', {
            headers: basic('admin', ADMIN_PASSWORD),
            body: '{"reads": "strong"}',
          })
        ).status;
      await expect.poll(answer, soon).toBeGreaterThanOrEqual(500);
      writeFileSync(
        certificates.registry.key,
        `-----BEGIN PRIVATE KEY-----\n${marked('key')}\n-----END PRIVATE KEY-----\n`,
      );
      await expect.poll(() => frontend.log(), soon).toContain('A new certificate is not used');
    });

    it('logs, traces, metrics, the journal and error answers have been looked through', async () => {
      const metrics = await Promise.all(SERVICES.map((service) => region.metrics(service)));
      const logs = SERVICES.map(
        (service) => region.process(service).log() + region.process(service).errors(),
      );
      const journals = await readdir(join(scratch, 'audit'));
      const journal = journals.map((name) => readFileSync(join(scratch, 'audit', name), 'utf8'));
      await region.stop();
      const places = { logs, traces: collector.received(), metrics, journal, answers };
      const keys = [certificates.key, certificates.etcdClient.key].map(
        (key) => readFileSync(key, 'utf8').split('\n')[1] ?? '',
      );
      for (const [place, texts] of Object.entries(places)) {
        expect(texts.join('').length, place).toBeGreaterThan(500);
        for (const secret of [MARK, encoded(MARK), ...made, ...keys, 'PRIVATE KEY'])
          expect(
            texts.filter((text) => text.includes(secret)).map((text) => around(text, secret)),
            place,
          ).toEqual([]);
      }
    });
  },
);

interface Told {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** The secret that an answer shows once. */
function secretIn({ status, body }: Told): string {
  if (status >= 300) throw new Error(`${status}: ${body}`);
  const secret = /"(?:secret|token)":\s*"([^"]{20,})"/.exec(body)?.[1];
  if (secret === undefined) throw new Error(`There is no secret in ${body}`);
  return secret;
}

/** As it stands in the middle of what Basic authentication makes of it. */
function encoded(text: string): string {
  return Buffer.from(text).subarray(0, 9).toString('base64');
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 300), at + 100);
}
