import { isIPv6 } from 'node:net';
import type { RequestContext } from '../http/context.ts';

/** Whom requests are counted by: the client's address, of IPv6 the network that one customer has. */
export function addressOf(ctx: RequestContext): string {
  const { address } = ctx.state.origin;
  return isIPv6(address) ? `${expanded(address).slice(0, 4).join(':')}::/64` : address;
}

/** The eight groups. */
function expanded(address: string): string[] {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: missing }, () => '0'), ...right];
}
