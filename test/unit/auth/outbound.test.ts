import type { lookup as systemLookup } from 'node:dns';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kindOfAddress } from '#services/frontend/auth/oidc/addresses.ts';
import { createOutbound, type OutboundSettings } from '#services/frontend/auth/oidc/outbound.ts';
import { createProviders } from '#services/frontend/auth/oidc/providers.ts';
import { startOidcProvider } from '#test/support/oidc-provider.ts';

/*
 * Requests that the registry makes for those who configure issuers, and for issuers: none leads where it should not (server-side request
 * forgery through discovery).
 */

const settings: OutboundSettings = { loopbackHttp: true, timeoutMs: 2_000, maxBytes: 10_000 };
const PUBLIC = { allowPrivate: false };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Every name is at these addresses. */
function names(...addresses: string[]): typeof systemLookup {
  return ((_name: string, _options: object, callback: (error: null, all: object[]) => void) => {
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as unknown as typeof systemLookup;
}

function refusal(text: string | RegExp): object {
  const message = (
    typeof text === 'string' ? expect.stringContaining(text) : expect.stringMatching(text)
  ) as string;
  return { code: 'UNAVAILABLE', message };
}

describe('an address', () => {
  it.each([
    ['93.184.216.34', 'public'],
    ['2606:2800:220:1::1', 'public'],
    ['127.0.0.1', 'loopback'],
    ['127.255.0.3', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:a00:1', 'private'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'special'],
    ['64:ff9b::5db8:d822', 'public'],
    ['fd00::1', 'private'],
    ['169.254.169.254', 'special'],
    ['::ffff:169.254.169.254', 'special'],
    ['fe80::1', 'special'],
    ['fe80::1%eth0', 'special'],
    ['0.0.0.0', 'special'],
    ['::', 'special'],
    ['224.0.0.1', 'special'],
    ['255.255.255.255', 'special'],
    ['ff02::1', 'special'],
    ['2002:a00:1::', 'special'],
    ['2001:0:a00:1::', 'special'],
    ['172.32.0.1', 'public'],
    ['11.0.0.1', 'public'],
    ['no address', 'special'],
    ['', 'special'],
  ])('%s is %s', (address, kind) => {
    expect(kindOfAddress(address)).toBe(kind);
  });
});

describe('a request to an issuer', () => {
  it('is https: http leads to this machine alone, and only where a setting lets it', async () => {
    const url = await serve((_request, response) => void response.end('{"there":true}'));
    expect(await createOutbound(settings).json(url, PUBLIC)).toEqual({ there: true });
    const strict = createOutbound({ ...settings, loopbackHttp: false });
    await expect(strict.json(url, { allowPrivate: true })).rejects.toMatchObject(refusal('https'));
    const elsewhere = createOutbound({ ...settings, lookup: names('93.184.216.34') });
    for (const other of ['http://issuer.example/', 'http://93.184.216.34/', 'http://10.0.0.1/'])
      await expect(elsewhere.json(other, { allowPrivate: true })).rejects.toMatchObject(refusal('https'));
    for (const other of [
      'ftp://issuer.example/',
      'file:///etc/passwd',
      'data:,{}',
      'gopher://127.0.0.1/',
      '',
    ])
      await expect(elsewhere.json(other, PUBLIC)).rejects.toMatchObject(refusal('https'));
    await expect(elsewhere.json('https://a:b@issuer.example/', PUBLIC)).rejects.toMatchObject(
      refusal('name or password'),
    );
  });

  it.each([
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '[::1]',
    '[fd00::1]',
    '[::ffff:10.0.0.1]',
    '2130706433',
    '0x7f.1',
    '017700000001',
  ])('does not go to the private address %s, unless this issuer is allowed to be there', async (host) => {
    const outbound = createOutbound(settings);
    await expect(outbound.json(`https://${host}:1/`, PUBLIC)).rejects.toMatchObject(
      refusal('not one of the internet'),
    );
    await expect(outbound.json('https://127.0.0.1:1/', { allowPrivate: true })).rejects.toMatchObject(
      refusal('ECONNREFUSED'),
    );
  });

  it.each(['169.254.169.254', '[fe80::1]', '0.0.0.0', '[::]', '224.0.0.1', '[::ffff:169.254.169.254]'])(
    'goes to the address %s for no issuer',
    async (host) => {
      for (const allowPrivate of [false, true])
        await expect(
          createOutbound(settings).json(`https://${host}/`, { allowPrivate }),
        ).rejects.toMatchObject(refusal('not one of the internet'));
    },
  );

  it('does not go where a name leads that is looked up, and connects to the very address that was looked at', async () => {
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', 'fd00::1', '::ffff:10.0.0.1']) {
      const outbound = createOutbound({ ...settings, lookup: names(address) });
      await expect(outbound.json('https://issuer.example/', PUBLIC)).rejects.toMatchObject(
        refusal('not one of the internet'),
      );
    }
    // Of several addresses the allowed one is taken, however often the name is asked for.
    const url = await serve((_request, response) => void response.end('{}'));
    const rebinding = createOutbound({
      ...settings,
      lookup: names('10.0.0.1', '127.0.0.1', '169.254.169.254'),
    });
    expect(await rebinding.json(url.replace('127.0.0.1', 'issuer.example'), PUBLIC)).toEqual({});
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect: %i', async (status) => {
    let asked = 0;
    const target = await serve((_request, response) => {
      asked += 1;
      response.end('{}');
    });
    const url = await serve(
      (_request, response) => void response.writeHead(status, { location: target }).end(),
    );
    await expect(createOutbound(settings).json(url, PUBLIC)).rejects.toMatchObject(refusal('not followed'));
    expect(asked).toBe(0);
  });

  it('takes no answer that is too long, also one that never ends, nor too late, nor other than JSON', async () => {
    const endless = await serve((_request, response) => {
      const more = (): void => void response.write('x'.repeat(5_000), () => setImmediate(more));
      more();
    });
    await expect(createOutbound(settings).json(endless, PUBLIC)).rejects.toMatchObject(
      refusal('more than 10000 bytes'),
    );
    const silent = await serve(() => undefined);
    const stalled = await serve((_request, response) => void response.write('{'));
    const hasty = createOutbound({ ...settings, timeoutMs: 200 });
    for (const url of [silent, stalled])
      await expect(hasty.json(url, PUBLIC)).rejects.toMatchObject(refusal('within 200 ms'));
    const other = await serve((_request, response) => void response.end('<html>'));
    await expect(createOutbound(settings).json(other, PUBLIC)).rejects.toMatchObject(refusal('no JSON'));
    const failing = await serve((_request, response) => void response.writeHead(500).end('{}'));
    await expect(createOutbound(settings).json(failing, PUBLIC)).rejects.toMatchObject(
      refusal('answered 500'),
    );
  });
});

describe('an issuer', () => {
  it('must be called in its own description as it is here, to the letter', async () => {
    const provider = await startOidcProvider();
    onTestFinished(() => provider.close());
    const issuer = (url: string) => ({ id: 'an-issuer', url, allowPrivate: false });
    const read = (url: string) =>
      createProviders(createOutbound(settings), () => performance.now()).metadata(issuer(url));
    expect(await read(provider.url)).toMatchObject({ issuer: provider.url });
    await expect(read(`${provider.url}/`)).rejects.toMatchObject(refusal('to the letter'));
    for (const other of ['https://other.example', provider.url.toUpperCase(), undefined, 7]) {
      provider.describe({ issuer: other });
      await expect(read(provider.url)).rejects.toMatchObject(refusal("can't be relied on"));
    }
  });

  it('has its keys looked for no more often than every ten seconds, and its old ones used while it is away', async () => {
    const provider = await startOidcProvider();
    let now = 0;
    const providers = createProviders(createOutbound(settings), () => now);
    const issuer = { id: 'an-issuer', url: provider.url, allowPrivate: false };
    const old = await providers.keys(issuer, false);
    for (let i = 0; i < 50; i++) await providers.keys(issuer, true);
    expect(provider.asked('/jwks')).toBe(1);
    now = 10_001;
    await Promise.all(Array.from({ length: 50 }, () => providers.keys(issuer, true)));
    expect(provider.asked('/jwks')).toBe(2);
    await provider.close();
    now = 3_600_000;
    expect(await providers.keys(issuer, false)).toBeDefined();
    expect(old).toBeDefined();
    now = 7 * 3_600_000;
    await expect(providers.keys(issuer, false)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('does not have its keys fetched from where it may not lead', async () => {
    const provider = await startOidcProvider();
    onTestFinished(() => provider.close());
    for (const jwks of [
      'http://10.0.0.1/keys',
      'https://169.254.169.254/latest',
      'file:///etc/passwd',
      'https://[::1]/',
    ]) {
      provider.describe({ jwks_uri: jwks });
      const providers = createProviders(createOutbound(settings), () => performance.now());
      await expect(
        providers.keys({ id: 'an-issuer', url: provider.url, allowPrivate: false }, false),
      ).rejects.toMatchObject(refusal('failed'));
    }
  });
});
