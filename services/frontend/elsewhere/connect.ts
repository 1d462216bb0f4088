import type { ConfiguredRegion } from '#libs/config/regions.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import {
  authContract,
  catalogContract,
  operationsContract,
  storageContract,
  transferContract,
  uploadsContract,
  type Auth,
} from '#libs/rpc/contracts.ts';
import type { Unanswered } from '#libs/rpc/errors.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import type { Collaborators } from '../frontend.ts';
import { authOrElsewhere } from './auth.ts';
import { catalogOrElsewhere } from './catalog.ts';
import { guarded } from './guarded.ts';
import { openRegion } from './open-region.ts';
import type { Whereabouts } from './own-region.ts';
import { createPresence, type Presence } from './presence.ts';
import { readElsewhere } from './read.ts';
import { followRegions } from './regions.ts';
import { defaultElsewhereSettings } from './settings.ts';
import { storageOrElsewhere } from './storage.ts';
import { transferOrElsewhere } from './transfer.ts';
import { uploadsOrElsewhere, uploadsThere } from './uploads.ts';
import type { OnUsed } from './used.ts';

export interface ElsewhereOptions {
  /** The own one's name. */
  readonly region: string;
  readonly regions: readonly ConfiguredRegion[];
  readonly peerTls: TlsIdentity | undefined;
  readonly onUsed: OnUsed;
  /** `who` is a service of this region, or another region. */
  readonly onAway: (who: string, why: Unanswered) => void;
  readonly onBack: (who: string) => void;
}

/** Of the own region. */
export interface OwnServices extends Omit<Collaborators, 'elsewhere'> {
  readonly auth: Auth;
}

export interface Elsewhere extends Collaborators {
  readonly auth: Auth;
  /** Whether another region could take the place of what is away. */
  answers(): boolean;
  close(): void;
}

/** The own region's services and, in the place of those that are away, other regions'. Without any, only bytes come from elsewhere: by replication. */
export function connectElsewhere(
  own: OwnServices,
  { region, regions: configured, peerTls, onUsed, onAway, onBack }: ElsewhereOptions,
): Elsewhere {
  if (configured.length === 0) {
    return { ...own, elsewhere: own.transfer, answers: () => false, close: () => undefined };
  }
  const { presence: limits, pingEveryMs } = defaultElsewhereSettings;
  const stopping = new AbortController();
  const { signal } = stopping;
  const presenceOf = (service: string, probe: (signal: AbortSignal) => Promise<unknown>): Presence =>
    createPresence({
      ...{ probe, limits, signal },
      onAway: (why) => onAway(`this region's ${service}`, why),
      onBack: () => onBack(`this region's ${service}`),
    });
  let catalogId = '';
  const channels = configured.map(({ endpoint: address }) => openRpcChannel({ address, tls: peerTls }));
  const known = configured.map((region, i) => {
    const channel = channels[i];
    if (channel === undefined) throw new Error(`There is no channel to ${region.name}.`);
    return openRegion(region, { channel, limits, catalogId: () => catalogId, onAway, onBack, signal });
  });
  const where: Whereabouts = {
    region,
    storage: presenceOf('storage', (limited) => own.storage.stat({ digests: [] }, { signal: limited })),
    replication: presenceOf('replication', (limited) => own.catalog.status({}, { signal: limited })),
    regions: followRegions(known, { pingEveryMs, signal }),
    onUsed,
    putAt: new WeakMap(),
  };
  const { storage, replication, regions } = where;
  const read = readElsewhere(region, regions, onUsed);
  const noteCatalog = ({ position }: { position: { catalogId: string } | null }): void => {
    if (position !== null && position.catalogId !== '') catalogId = position.catalogId;
  };
  return {
    storage: storageOrElsewhere(guarded(storageContract, own.storage, storage), where),
    uploads: uploadsOrElsewhere(guarded(uploadsContract, own.uploads, storage), where),
    remoteUploads: uploadsThere(guarded(uploadsContract, own.remoteUploads, replication), where),
    catalog: catalogOrElsewhere(guarded(catalogContract, own.catalog, replication), where, noteCatalog),
    auth: authOrElsewhere(guarded(authContract, own.auth, replication), where),
    transfer: transferOrElsewhere(guarded(transferContract, own.transfer, replication), where, read),
    operations: guarded(operationsContract, own.operations, replication),
    scrub: own.scrub,
    elsewhere: { relay: read },
    answers: () => regions.nearestFirst().length > 0,
    close: () => {
      stopping.abort(new Error('The front end stops.'));
      for (const channel of channels) channel.close();
    },
  };
}
