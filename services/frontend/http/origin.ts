import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Who sent a request and how he called the registry, as far as that can be believed. */
export interface Origin {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** As it came; undefined where none did. */
  readonly host: string | undefined;
}

export type OriginOf = (request: IncomingMessage) => Origin;

/** A host as it may stand in a URL that clients are sent to. */
export const HOST =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`, as proxies write them. */
const ADDRESS = /^(?:\[(?<bracketed>[^\]]+)\](?::\d+)?|(?<v4>[\d.]+)(?::\d+)?|(?<plain>\S+))$/;

/**
 * Believes X-Forwarded-For, -Proto and -Host of connections from these networks (`10.0.0.0/8`), and of nobody else. Each proxy adds the address that it
 * was asked from on the right, so the client is the last one that is not a proxy itself: whatever stands left of it, he may have written. `Forwarded` is never
 * read: a proxy that writes the one passes on what clients send as the other.
 */
export function createOriginOf(trustedProxies: readonly string[]): OriginOf {
  const trusted = new BlockList();
  for (const network of trustedProxies) {
    const [address = '', prefix = ''] = network.split('/');
    trusted.addSubnet(address, Number(prefix), familyOf(address));
  }
  const isTrusted = (address: string): boolean =>
    trustedProxies.length > 0 && isIP(address) !== 0 && trusted.check(address, familyOf(address));
  return (request) => {
    const { socket } = request;
    const peer = plain(socket.remoteAddress ?? '');
    const scheme = socket instanceof TLSSocket ? 'https' : 'http';
    const { host } = request.headers;
    if (!isTrusted(peer)) return { address: peer, scheme, host };
    const said = (name: string): string => request.headersDistinct[`x-forwarded-${name}`]?.join(',') ?? '';
    const [proto, forwardedHost] = [said('proto'), said('host')];
    return {
      address: clientOf(peer, said('for'), isTrusted),
      // Of several that disagree none is believed.
      scheme: proto === 'http' || proto === 'https' ? proto : scheme,
      host: HOST.test(forwardedHost) ? forwardedHost : host,
    };
  };
}

/** The last address that is no proxy's; where something stands that is none, whoever wrote it is as far as one can know. */
function clientOf(peer: string, forwardedFor: string, isTrusted: (address: string) => boolean): string {
  let client = peer;
  for (const text of forwardedFor.split(',').toReversed()) {
    const address = addressIn(text.trim());
    if (address === undefined) return client;
    client = address;
    if (!isTrusted(client)) return client;
  }
  return client;
}

function addressIn(text: string): string | undefined {
  const { bracketed, v4, plain: other } = ADDRESS.exec(text)?.groups ?? {};
  const address = plain(bracketed ?? v4 ?? other ?? '');
  return isIP(address) === 0 ? undefined : address;
}

/** Of addresses that IPv6 sockets give to IPv4. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
