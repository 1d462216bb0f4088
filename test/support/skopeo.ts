import { findClient } from './client-program.ts';

const program = findClient('skopeo');
export const { usable: hasSkopeo, leftOut: skopeoLeftOut } = program;

/** Runs skopeo, without policies, and gives what it prints. Rejects with its error output. */
export function skopeo(command: string, ...args: string[]): Promise<string> {
  return program.run(['--insecure-policy', command, ...args]);
}
