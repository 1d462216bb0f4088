/** A registry that is measured. */
export interface Server {
  /** As options and reports name it. */
  readonly name: string;
  readonly version: string;
  /** What a reader must know to compare: what is on disk when a push is answered. */
  readonly durability: string;
  /** `host:port`. */
  readonly registry: string;
  /** Its processes, without those that they have started. */
  pids(): number[];
  /** Ends and starts it on the same data: its own caches are empty then, the kernel's are not. */
  restart(): Promise<void>;
  /** Gives a manifest that it has very many tags, by the quickest way that leaves what pushes of them would leave. Absent where there is none. */
  readonly addTags?: (repository: string, manifest: TaggedManifest, tags: readonly string[]) => Promise<void>;
  /** Ends it; its data stays. */
  stop(): Promise<void>;
}

export interface TaggedManifest {
  readonly digest: string;
  readonly body: string;
  readonly mediaType: string;
}

export interface ServerOptions {
  /** An empty directory that it has for itself; all servers have theirs on one file system. */
  readonly dataDir: string;
  /** Whether a line is written for each request, as all of them do unless told otherwise. */
  readonly logsRequests: boolean;
}

export type StartServer = (options: ServerOptions) => Promise<Server>;
