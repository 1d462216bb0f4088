import { isIP } from 'node:net';
import type { Value } from './env.ts';
import { parsed } from './values.ts';

/** Networks and single addresses, separated by commas, each given back with its prefix. */
export const networkList: Value<readonly string[]> = parsed(
  'networks or addresses separated by commas, such as 10.0.0.0/8,2001:db8::/32,192.0.2.7, and not everyone (/0)',
  (text) => {
    const networks = text.split(',').map((part) => parseNetwork(part.trim()));
    return networks.every((network) => network !== undefined) ? networks : undefined;
  },
);

function parseNetwork(text: string): string | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes('%')) return undefined;
  const bits = family === 4 ? 32 : 128;
  const length = Number(prefix ?? bits);
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  return length >= 1 && length <= bits ? `${address}/${length}` : undefined;
}
