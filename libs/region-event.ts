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
  | { readonly kind: 'region-lost'; readonly region: string; readonly reason: string }
  | { readonly kind: 'region-back'; readonly region: string };

export type OnRegionEvent = (event: RegionEvent) => void;
