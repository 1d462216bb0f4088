import { parentPort, workerData } from 'node:worker_threads';
import { createDigester, type Digester } from '#libs/oci/digest.ts';
import type { HashAnswer, HashMemory, HashRequest } from './messages.ts';

/* Runs in a thread of its own: hashes what lies in slots of the shared memory. */

const { memory, slotBytes } = workerData as HashMemory;
const hashes = new Map<number, Digester>();

parentPort?.on('message', (request: HashRequest) => {
  const { id } = request;
  if (request.kind === 'update') {
    const { slot, length, algorithm } = request;
    const digester = hashes.get(id) ?? createDigester(algorithm);
    hashes.set(id, digester);
    digester.update(new Uint8Array(memory, slot * slotBytes, length));
    answer({ slot });
    return;
  }
  const digester = hashes.get(id);
  hashes.delete(id);
  if (request.kind === 'digest' && digester !== undefined) answer({ id, digest: digester.digest() });
});

function answer(message: HashAnswer): void {
  parentPort?.postMessage(message);
}
