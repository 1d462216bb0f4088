import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { createDigester, type Digester } from '#libs/oci/digest.ts';
import type { WritingAnswer, WritingRequest, Written } from './messages.ts';

/* Runs in a thread of its own: writes chunks to files, and hashes them. */

const hashes = new Map<number, Digester>();

parentPort?.on('message', (request: WritingRequest) => {
  const { id } = request;
  if (request.kind === 'append') {
    const { file, position, chunks, algorithm } = request;
    answer({ id, ...write(file, position, chunks) });
    const digester = hashes.get(id) ?? createDigester(algorithm);
    hashes.set(id, digester);
    for (const chunk of chunks) {
      digester.update(chunk);
      // Gives its memory back now; the collector of a thread that allocates nothing would take its time.
      chunk.buffer.transfer(0);
    }
    return;
  }
  const digester = hashes.get(id);
  hashes.delete(id);
  if (request.kind === 'digest' && digester !== undefined) answer({ id, digest: digester.digest() });
});

/** Chunk by chunk: the kernel finds memory for large writes less easily than for small ones, and here a call costs little. */
function write(file: number, position: number, chunks: readonly Uint8Array[]): Written {
  let written = 0;
  try {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length;) {
        const bytes = writeSync(file, chunk, at, chunk.length - at, position + written);
        at += bytes;
        written += bytes;
      }
    }
    return { written };
  } catch (error) {
    const { message, code, syscall } = error as NodeJS.ErrnoException;
    return { written, failure: { message, code, syscall } };
  }
}

function answer(message: WritingAnswer): void {
  parentPort?.postMessage(message);
}
