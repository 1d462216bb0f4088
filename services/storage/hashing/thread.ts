import { Worker } from 'node:worker_threads';
import type { Digest, DigestAlgorithm } from '#libs/oci/digest.ts';
import type { HashAnswer, HashMemory, HashRequest } from './messages.ts';

/** So many bytes are handed over at a time: much less is not worth the way there and back. */
export const SLOT_BYTES = 256 * 1024;
const SLOTS = 8;

/** A hash in the thread. */
export interface ThreadHash {
  /** Copies at most SLOT_BYTES, once there is room for them. To be called one after the other. Throws what ended the thread. */
  update(chunks: readonly Uint8Array[]): Promise<void>;
  digest(): Promise<Digest>;
}

interface Running {
  readonly worker: Worker;
  readonly memory: Uint8Array;
  readonly free: number[];
  readonly waiting: PromiseWithResolvers<number>[];
  readonly answers: Map<number, PromiseWithResolvers<Digest>>;
  failure: Error | undefined;
}

let running: Running | undefined;
let lastId = 0;
/** Nobody asks for the digest of an upload that was given up. */
const forgotten = new FinalizationRegistry<{ thread: Running; id: number }>(({ thread, id }) =>
  send(thread, { kind: 'drop', id }),
);

/** A hash that is computed beside this thread, all of them in one other that starts with the first and keeps no process alive. */
export function hashInThread(algorithm: DigestAlgorithm): ThreadHash {
  const thread = (running ??= start());
  const id = ++lastId;
  const hash: ThreadHash = {
    update: async (chunks) => {
      const slot = await takeSlot(thread);
      let length = 0;
      for (const chunk of chunks) {
        thread.memory.set(chunk, slot * SLOT_BYTES + length);
        length += chunk.length;
      }
      send(thread, { kind: 'update', id, algorithm, slot, length });
    },
    digest: async () => {
      if (thread.failure !== undefined) throw thread.failure;
      const answer = Promise.withResolvers<Digest>();
      thread.answers.set(id, answer);
      forgotten.unregister(hash);
      send(thread, { kind: 'digest', id });
      return answer.promise;
    },
  };
  forgotten.register(hash, { thread, id }, hash);
  return hash;
}

function start(): Running {
  const memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
  const workerData: HashMemory = { memory, slotBytes: SLOT_BYTES };
  const worker = new Worker(new URL('./hash-thread.ts', import.meta.url), {
    workerData,
    name: 'hash',
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });
  const thread: Running = {
    ...{ worker, memory: new Uint8Array(memory), free: Array.from({ length: SLOTS }, (_, i) => i) },
    ...{ waiting: [], answers: new Map(), failure: undefined },
  };
  const end = (cause: unknown): void => fail(thread, cause);
  worker.on('message', (answer: HashAnswer) => take(thread, answer));
  worker.on('error', end);
  worker.on('exit', (code) => end(new Error(`It ended with ${code}.`)));
  worker.unref();
  return thread;
}

function send({ worker }: Running, request: HashRequest): void {
  worker.postMessage(request);
}

function take(thread: Running, answer: HashAnswer): void {
  if ('slot' in answer) {
    const next = thread.waiting.shift();
    if (next === undefined) thread.free.push(answer.slot);
    else next.resolve(answer.slot);
    return;
  }
  thread.answers.get(answer.id)?.resolve(answer.digest as Digest);
  thread.answers.delete(answer.id);
}

async function takeSlot(thread: Running): Promise<number> {
  if (thread.failure !== undefined) throw thread.failure;
  const slot = thread.free.pop();
  if (slot !== undefined) return slot;
  const waiting = Promise.withResolvers<number>();
  thread.waiting.push(waiting);
  return waiting.promise;
}

/** The hashes in it are lost; those that begin now get another. */
function fail(thread: Running, cause: unknown): void {
  if (thread.failure !== undefined) return;
  thread.failure = new Error('The thread that hashes has ended.', { cause });
  if (running === thread) running = undefined;
  for (const { reject } of [...thread.waiting, ...thread.answers.values()]) reject(thread.failure);
}
