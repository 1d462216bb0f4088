import { accessSync, constants, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { PlannedProcess } from './plan.ts';

/** Makes sure that everything a process needs can be had, before anything is started. Rejects with what a listen or mkdir gives. */
export async function checkBeforeStart(processes: readonly PlannedProcess[]): Promise<void> {
  for (const { dataDir, ports } of processes) {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
    for (const port of ports) await checkPort(port);
  }
}

function checkPort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve()));
  });
}
