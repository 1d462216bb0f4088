import { authContract, type Auth } from '#libs/rpc/contracts.ts';
import { callsOrElsewhere, framesOrElsewhere } from './calls.ts';
import type { Whereabouts } from './own-region.ts';
import type { OtherRegion } from './regions.ts';

/** All its calls change something. */
const READS: ReadonlySet<keyof Auth> = new Set();

/** Identities and permissions as the own replication serves them; while that is away, as the nearest other region's does. */
export function authOrElsewhere(own: Auth, where: Whereabouts): Auth {
  const of = ({ auth }: OtherRegion): Auth => auth;
  return {
    ...callsOrElsewhere({ contract: authContract, own, of, reads: READS }, where),
    follow: (request, { signal }) =>
      framesOrElsewhere(
        where,
        (limited) => own.follow(request, { signal: limited }),
        ({ auth }, limited) => auth.follow(request, { signal: limited }),
        signal,
      ),
  };
}
