import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * What an address is: of the internet, of this machine, of a private network, or none that a server of others could have. Machines'
 * own services, such as those that give credentials to cloud machines, are at addresses of the last kind.
 */
export type AddressKind = 'public' | 'loopback' | 'private' | 'special';

/** Of an address as `node:net` writes it. https://www.iana.org/assignments/iana-ipv4-special-registry */
export function kindOfAddress(address: string): AddressKind {
  const translated = isIPv6(address) && TRANSLATED.check(address, 'ipv6') ? lastFour(address) : address;
  const family = isIPv4(translated) ? 'ipv4' : 'ipv6';
  if (family === 'ipv6' && !isIPv6(translated)) return 'special';
  if (LOOPBACK.check(translated, family)) return 'loopback';
  if (PRIVATE.check(translated, family)) return 'private';
  if (SPECIAL.check(translated, family)) return 'special';
  return family === 'ipv4' || GLOBAL_UNICAST.check(translated, family) ? 'public' : 'special';
}

/*
 * Node looks for IPv4 addresses that are written as IPv6 ones (`::ffff:10.0.0.1`) among those of IPv4.
 */

const LOOPBACK = listOf('127.0.0.0/8', '::1/128');
const PRIVATE = listOf(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '198.18.0.0/15',
  'fc00::/7',
);
const SPECIAL = listOf(
  ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
);
const GLOBAL_UNICAST = listOf('2000::/3');
/** By which hosts with IPv6 alone reach those of IPv4: https://www.rfc-editor.org/rfc/rfc6052 */
const TRANSLATED = listOf('64:ff9b::/96');

function listOf(...subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', bits] = subnet.split('/');
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** The IPv4 address at the end of one of IPv6. */
function lastFour(address: string): string {
  const groups = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1).split(':');
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group === '' ? '0' : group, 16));
  const bytes = [(high ?? 0) >> 8, (high ?? 0) & 255, (low ?? 0) >> 8, (low ?? 0) & 255];
  return bytes.join('.');
}
