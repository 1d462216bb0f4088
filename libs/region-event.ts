/** Something that happened in a region and that people want to hear of; `npm start` prints a line for each. */
export type RegionEvent =
  | {
      readonly kind: 'push';
      readonly repository: string;
      readonly tags: readonly string[];
      readonly digest: string;
      /** Bytes of the whole content: the manifest and everything it names. */
      readonly size: number;
      readonly durableRegions: readonly string[];
    }
  | { readonly kind: 'delete'; readonly repository: string; readonly reference: string }
  /** A blob of another region is now held here too. */
  | { readonly kind: 'replica'; readonly digest: string; readonly size: number; readonly from: string }
  /** Everything this region should hold is here. */
  | { readonly kind: 'caught-up'; readonly revision: number; readonly blobs: number; readonly bytes: number }
  /** A blob was not what its digest says, and is not held here any more. */
  | {
      readonly kind: 'damaged';
      readonly digest: string;
      readonly size: number;
      readonly why: string;
      /** When that was found; milliseconds since 1970. */
      readonly atMs: number;
    }
  /** A damaged blob was replaced from other regions. */
  | { readonly kind: 'healed'; readonly digest: string; readonly size: number; readonly from: string }
  /** No region that answers has a blob that should be here. */
  | { readonly kind: 'blob-lost'; readonly digest: string; readonly size: number }
  /** Blobs that nothing needed were removed here. */
  | { readonly kind: 'collected'; readonly blobs: number; readonly bytes: number }
  /** What this region should hold is on its way; told again and again while that takes long. Bytes a second are a moving mean. */
  | {
      readonly kind: 'filling';
      readonly blobs: number;
      readonly wantedBlobs: number;
      readonly bytes: number;
      readonly wantedBytes: number;
      readonly bytesPerSecond: number;
      /** 0 where that can't be said. */
      readonly secondsLeft: number;
    }
  | { readonly kind: 'region-added'; readonly region: string }
  | { readonly kind: 'region-removed'; readonly region: string }
  | { readonly kind: 'region-state'; readonly region: string; readonly state: 'active' | 'draining' }
  /** This region can be removed: nothing would be lost. */
  | { readonly kind: 'drained' }
  /** Manifests that nothing kept any longer were removed, as the repository's settings ask. */
  | { readonly kind: 'untagged-removed'; readonly repository: string; readonly manifests: number }
  | { readonly kind: 'region-lost'; readonly region: string; readonly reason: string }
  | { readonly kind: 'region-back'; readonly region: string };

export type OnRegionEvent = (event: RegionEvent) => void;
