/**
 * Called for every piece of a blob that this region received from another one or sent to it. Each byte is counted once in the whole
 * cluster: by the region that asked for the transfer.
 */
export type OnPeerBytes = (region: string, direction: 'received' | 'sent', bytes: number) => void;
