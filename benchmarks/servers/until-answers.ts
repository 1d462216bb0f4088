import { setTimeout as pause } from 'node:timers/promises';

const TIMEOUT_MS = 60_000;
const EVERY_MS = 20;

/** A question that is answered with 200 as soon as there is someone to answer it. */
export interface FirstQuestion {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const OF_THE_API: FirstQuestion = { path: '/v2/', headers: {} };

/** Resolves when a registry (`host:port`) answers the API's first question, or another one. */
export async function untilAnswers(
  registry: string,
  hasEnded: () => boolean,
  { path, headers } = OF_THE_API,
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const status = await fetch(`http://${registry}${path}`, { headers }).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200) return;
    if (hasEnded()) throw new Error(`What should have listened at ${registry} has ended.`);
    if (performance.now() > deadline) throw new Error(`Nothing answers at ${registry} for ${TIMEOUT_MS} ms.`);
    await pause(EVERY_MS);
  }
}
