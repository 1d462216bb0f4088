import { readFile } from 'node:fs/promises';

/** Of Linux on every common architecture (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;
const KILOBYTE = 1024;

/** These processes and all that they have started, from the kernel's accounts (Linux). */
export async function withDescendants(pids: readonly number[]): Promise<number[]> {
  const below = await Promise.all(pids.map(async (pid) => withDescendants(await childrenOf(pid))));
  return [...pids, ...below.flat()];
}

/** Seconds of processor time that these processes have taken so far, in user mode and in the kernel. */
export async function cpuSecondsOf(pids: readonly number[]): Promise<number> {
  const seconds = await Promise.all(pids.map(cpuSeconds));
  return seconds.reduce((sum, one) => sum + one, 0);
}

/** Resident memory in bytes of the process that has most of it: now, and at most so far. */
export async function largestMemoryOf(pids: readonly number[]): Promise<{ now: number; peak: number }> {
  const all = await Promise.all(pids.map(memoryOf));
  return { now: Math.max(...all.map(({ now }) => now)), peak: Math.max(...all.map(({ peak }) => peak)) };
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in parentheses and may contain anything; user and system time are the 14th and 15th.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function memoryOf(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * KILOBYTE;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}
