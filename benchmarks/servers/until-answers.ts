import { setTimeout as pause } from 'node:timers/promises';

const TIMEOUT_MS = 60_000;
const EVERY_MS = 20;

/** Resolves when a registry (`host:port`) answers the API's first question. */
export async function untilAnswers(registry: string, hasEnded: () => boolean): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const status = await fetch(`http://${registry}/v2/`).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200) return;
    if (hasEnded()) throw new Error(`What should have listened at ${registry} has ended.`);
    if (performance.now() > deadline) throw new Error(`Nothing answers at ${registry} for ${TIMEOUT_MS} ms.`);
    await pause(EVERY_MS);
  }
}
