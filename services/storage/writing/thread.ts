import { Worker } from 'node:worker_threads';
import type { Digest, DigestAlgorithm } from '#libs/oci/digest.ts';
import { isGivenAway } from '#libs/given-away.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { FileWriter } from '../driver.ts';
import type { SystemFailure, WritingAnswer, WritingRequest, Written } from './messages.ts';

/** One blob in the thread, which writes and hashes what it is given, in the order of the calls. Throws what ended the thread. */
export interface ThreadWriter extends FileWriter {
  /** Of all that was written; to be called once, as the last. */
  digest(): Promise<Digest>;
}

interface Running {
  readonly worker: Worker;
  /** Who waits for answers, in the order of the requests. */
  readonly waiting: Map<number, PromiseWithResolvers<WritingAnswer>[]>;
  failure: Error | undefined;
}

let running: Running | undefined;
let lastId = 0;
/** Nobody asks for the digest of an upload that was given up. */
const forgotten = new FinalizationRegistry<{ thread: Running; id: number }>(({ thread, id }) =>
  thread.worker.postMessage({ kind: 'drop', id } satisfies WritingRequest),
);

/** Writes a blob beside this thread; all are written in one other, which starts with the first and keeps no process alive. */
export function writeInThread(algorithm: DigestAlgorithm): ThreadWriter {
  const thread = (running ??= start());
  const id = ++lastId;
  const writer: ThreadWriter = {
    write: async (file, position, chunks) => {
      const own = chunks.map(ownMemory);
      const request: WritingRequest = { kind: 'append', id, algorithm, file, position, chunks: own };
      const memory = own.map(({ buffer }) => buffer);
      const { written, failure } = (await ask(thread, request, memory)) as Written;
      return failure === undefined ? { written } : { written, failure: asError(failure) };
    },
    digest: async () => {
      forgotten.unregister(writer);
      const { digest } = (await ask(thread, { kind: 'digest', id })) as { digest: string };
      return digest as Digest;
    },
  };
  forgotten.register(writer, { thread, id }, writer);
  return writer;
}

/** The bytes in memory that holds nothing else and that nobody else looks at. */
function ownMemory(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  return isGivenAway(chunk) ? chunk : new Uint8Array(chunk);
}

function start(): Running {
  const worker = new Worker(new URL('./writing-thread.ts', import.meta.url), {
    name: 'writing',
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });
  const thread: Running = { worker, waiting: new Map(), failure: undefined };
  const end = (cause: unknown): void => fail(thread, cause);
  worker.on('message', (answer: WritingAnswer) => take(thread, answer));
  worker.on('error', end);
  worker.on('exit', (code) => end(new Error(`It ended with ${code}.`)));
  worker.unref();
  return thread;
}

async function ask(
  { worker, waiting, failure }: Running,
  request: WritingRequest,
  memory: ArrayBuffer[] = [],
): Promise<WritingAnswer> {
  if (failure !== undefined) throw failure;
  const answer = Promise.withResolvers<WritingAnswer>();
  const queue = waiting.get(request.id);
  if (queue === undefined) waiting.set(request.id, [answer]);
  else queue.push(answer);
  worker.postMessage(request, memory);
  return answer.promise;
}

function take({ waiting }: Running, answer: WritingAnswer): void {
  const queue = waiting.get(answer.id);
  queue?.shift()?.resolve(answer);
  if (queue?.length === 0) waiting.delete(answer.id);
}

/** What is being written is lost; what begins now gets another thread. */
function fail(thread: Running, cause: unknown): void {
  if (thread.failure !== undefined) return;
  thread.failure = new RegistryError(
    'UNAVAILABLE',
    'The thread that writes blobs has ended, and what it had last is lost. Send it again; of an upload, from the offset that it has.',
    { cause, retryAfterSeconds: 1 },
  );
  if (running === thread) running = undefined;
  for (const { reject } of [...thread.waiting.values()].flat()) reject(thread.failure);
  thread.waiting.clear();
}

function asError({ message, code, syscall }: SystemFailure): Error {
  return Object.assign(new Error(message), { code, syscall });
}
