import { live, parts, type StorageUnderTest } from './harness.ts';

/** A write that has sent some bytes, and sends nothing more until `end`. */
export interface OpenWrite {
  readonly result: Promise<{ offset: number }>;
  /** Resolves when the bytes are on their way. */
  readonly begun: Promise<unknown>;
  end(): void;
}

/** The calls of one repository's uploads. */
export interface UploadCalls {
  readonly create: (algorithm?: string) => Promise<string>;
  /** Gives the offset after it. */
  readonly write: (id: string, bytes: Buffer, offset?: number, pieceBytes?: number) => Promise<number>;
  readonly openWrite: (id: string, bytes: Buffer, signal?: AbortSignal) => OpenWrite;
  readonly offsetOf: (id: string) => Promise<number>;
  readonly finish: (id: string, digest: string) => Promise<{ digest: string; size: number }>;
  readonly cancel: (id: string) => Promise<object>;
}

export function uploadCalls(service: () => StorageUnderTest, repository: string): UploadCalls {
  const uploads = (): StorageUnderTest['uploads'] => service().uploads;
  return {
    create: async (algorithm = '') => (await uploads().create({ repository, algorithm }, live)).id,
    write: async (id, bytes, offset = -1, pieceBytes) => {
      const target = { id, repository, offset };
      return (await uploads().write(parts({ target }, bytes, pieceBytes), live)).offset;
    },
    openWrite: (id, bytes, signal = live.signal) => {
      const begun = Promise.withResolvers<undefined>();
      const end = Promise.withResolvers<undefined>();
      const messages = async function* (): AsyncGenerator<object, void, undefined> {
        yield* parts({ target: { id, repository, offset: -1 } }, bytes);
        begun.resolve(undefined);
        await end.promise;
      };
      const result = uploads().write(messages(), { signal });
      result.catch(() => undefined);
      return { result, begun: begun.promise, end: () => end.resolve(undefined) };
    },
    offsetOf: async (id) => (await uploads().stat({ id, repository, offset: -1 }, live)).offset,
    finish: (id, digest) => uploads().finish({ id, repository, digest }, live),
    cancel: (id) => uploads().cancel({ id, repository, offset: -1 }, live),
  };
}
