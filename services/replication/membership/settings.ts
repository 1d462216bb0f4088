/** The limits of leaving the cluster. */
export interface MembershipSettings {
  /**
   * A check counts only if it began so long after this process knew that its region is draining: by then every front end of the region has been
   * told, or knows that it has not been told anything for too long.
   */
  readonly settleMs: number;
  /** The pause between two checks while the region drains. */
  readonly checkEveryMs: number;
  /** Blobs and pins asked for in one call to another region. */
  readonly checkBatch: number;
  /** What another region may take to answer such a call. */
  readonly askTimeoutMs: number;
  /** What another region may take to copy and pin what is handed over. */
  readonly handOverTimeoutMs: number;
  /** The longest that a caller may wait for a check; less than what a call between regions may take. */
  readonly maxWaitMs: number;
}

export const defaultMembershipSettings: MembershipSettings = {
  settleMs: 5_000,
  checkEveryMs: 10_000,
  checkBatch: 1_000,
  askTimeoutMs: 10_000,
  handOverTimeoutMs: 45_000,
  maxWaitMs: 8_000,
};
