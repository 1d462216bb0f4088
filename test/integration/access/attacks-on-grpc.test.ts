import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsFiles } from '#libs/tls/identity.ts';
import { makeCertificates } from '#test/support/certificates.ts';
import { greeting } from '#test/support/grpc-greeting.ts';
import { freePorts } from '#test/support/ports.ts';
import { openRawConnection } from '#test/support/raw-connection.ts';
import { send } from '#test/support/registry-client.ts';
import { tlsEnv } from '#test/support/separate-region.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';
import { callHeaders, FRAME, frame, openFrames } from './http2-flood.ts';

/*
 * Floods of HTTP/2 against the port where other regions are answered. Fails where something of a request is read before there is a
 * certificate, where a flood of one who has one ends the process, or where memory grows with what he sends.
 */

const PING = '/meridian.v1.Peer/Ping';
const END_HEADERS = 4;
const END_STREAM = 1;
const ROUNDS = 300;
/** Far less than what is sent. */
const MAX_MEMORY_GROWTH_BYTES = 150 * 1024 * 1024;

describe('over mutual TLS', () => {
  let scratch: string;
  let coordinator: ServiceProcess;
  let region: ServiceProcess;
  let peer: string;
  let registry: string;
  let tls: TlsFiles;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-floods-'));
    tls = makeCertificates(join(scratch, 'certificates'), ['us']).us;
    const [etcd = 0, peerPort = 0, registryPort = 0] = await freePorts(3);
    [peer, registry] = [`127.0.0.1:${peerPort}`, `127.0.0.1:${registryPort}`];
    coordinator = await startService('coordinator/main.ts', {
      MERIDIAN_LISTEN: `127.0.0.1:${etcd}`,
      MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
    });
    region = await startService('region.ts', {
      ...{ MERIDIAN_REGION: 'us', MERIDIAN_LISTEN: registry, MERIDIAN_PEER_LISTEN: peer },
      ...{ MERIDIAN_DATA_DIR: join(scratch, 'us'), MERIDIAN_REGIONS: `us=localhost:${peerPort}` },
      MERIDIAN_ETCD: `http://127.0.0.1:${etcd}`,
      ...tlsEnv('MERIDIAN_PEER_TLS', tls),
    });
  }, 120_000);
  afterAll(async () => {
    await region.stop();
    await coordinator.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  async function requireAnswers(): Promise<void> {
    expect(await greeting(peer, tls.ca, tls)).toBe('answered');
    expect((await send(registry, 'GET', '/v2/')).status).toBe(200);
  }

  /** Sends until the other side has enough, or for so many rounds, on several connections one after the other. */
  async function flood(framesOf: (round: number) => Buffer): Promise<{ bytes: number; grown: number }> {
    await requireAnswers();
    const before = await region.peakMemoryBytes();
    let bytes = 0;
    for (let connections = 0; connections < 3; connections++) {
      const attack = await openFrames(peer, tls.ca, tls);
      for (let round = 0; round < ROUNDS; round++) {
        const frames = framesOf(round);
        bytes += frames.length;
        if (!(await attack.send(frames))) break;
      }
      attack.destroy();
    }
    await requireAnswers();
    return { bytes, grown: (await region.peakMemoryBytes()) - before };
  }

  it('who shows no certificate of the authority comes to no frame', async () => {
    const strangers = makeCertificates(join(scratch, 'strangers'), ['us']);
    for (const own of [undefined, strangers.us])
      await expect(openFrames(peer, tls.ca, own)).rejects.toThrow(/certificate|closed|reset|alert|hang/i);
    await requireAnswers();
  });

  it('streams that are opened and reset at once cost little (rapid reset, CVE-2023-44487)', async () => {
    const headers = callHeaders(PING);
    const { grown } = await flood((round) =>
      Buffer.concat(
        Array.from({ length: 200 }, (_, i) => {
          const stream = 2 * (200 * round + i) + 1;
          const cancel = Buffer.from([0, 0, 0, 8]);
          return Buffer.concat([
            frame(FRAME.headers, END_HEADERS, stream, headers),
            frame(FRAME.reset, 0, stream, cancel),
          ]);
        }),
      ),
    );
    expect(grown).toBeLessThan(MAX_MEMORY_GROWTH_BYTES);
  }, 120_000);

  it('headers that go on and never end are cut off (continuation flood, CVE-2024-27983)', async () => {
    const piece = Buffer.concat(Array.from({ length: 100 }, (_, i) => callHeader(`x-${i}`, 'y'.repeat(120))));
    const { bytes, grown } = await flood((round) =>
      round === 0
        ? frame(FRAME.headers, END_STREAM, 1, callHeaders(PING))
        : Buffer.concat(Array.from({ length: 20 }, () => frame(FRAME.continuation, 0, 1, piece))),
    );
    // It did not listen to the end.
    expect(bytes).toBeLessThan(3 * ROUNDS * 20 * piece.length);
    expect(grown).toBeLessThan(MAX_MEMORY_GROWTH_BYTES);
  }, 120_000);

  it.each([
    ['settings (CVE-2019-9515)', (): Buffer => frame(FRAME.settings, 0, 0)],
    ['pings (CVE-2019-9512)', (): Buffer => frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
    ['empty data (CVE-2019-9518)', (): Buffer => frame(FRAME.data, 0, 1)],
  ])(
    'a flood of %s whose answers nobody reads costs little',
    async (_what, one) => {
      const { grown } = await flood((round) =>
        Buffer.concat([
          ...(round === 0 ? [frame(FRAME.headers, END_HEADERS, 1, callHeaders(PING))] : []),
          ...Array.from({ length: 500 }, one),
        ]),
      );
      expect(grown).toBeLessThan(MAX_MEMORY_GROWTH_BYTES);
    },
    120_000,
  );

  it('a message that claims to be larger than any is refused before it is there', async () => {
    const claim = Buffer.concat([Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(8_000)]);
    const { grown } = await flood((round) =>
      Buffer.concat([
        frame(FRAME.headers, END_HEADERS, 2 * round + 1, callHeaders(PING)),
        frame(FRAME.data, 0, 2 * round + 1, claim),
      ]),
    );
    expect(grown).toBeLessThan(MAX_MEMORY_GROWTH_BYTES);
  }, 120_000);

  it('where clients are answered there is no HTTP/2', async () => {
    const connection = openRawConnection(registry);
    connection.send(
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.settings, 0, 0)]),
    );
    expect((await connection.next('PRI'))?.status).toBe(400);
    connection.destroy();
    await requireAnswers();
  });
});

function callHeader(name: string, value: string): Buffer {
  const [key, text] = [Buffer.from(name), Buffer.from(value)];
  return Buffer.concat([Buffer.from([0, key.length]), key, Buffer.from([text.length]), text]);
}
