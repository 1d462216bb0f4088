import { z } from 'zod';

/** Longest path that is kept whole; names and digests fit. */
const MAX_PATH = 600;

/** What one request did, or was not let do. */
export const auditEntry = z.object({
  /** When its answer ended, in UTC. */
  at: z.iso.datetime(),
  /** Of this front end's entries, in the order in which they were written. */
  id: z.string(),
  region: z.string(),
  /** Empty: someone who said no name. */
  who: z.string(),
  /** Of the user or robot of that name that it was. */
  whoId: z.string(),
  /** Where an issuer of OpenID Connect vouched for him in this request: which, and who it said he is to it. */
  issuer: z.string().exactOptional(),
  subject: z.string().exactOptional(),
  /** The address that the request came from. */
  from: z.string(),
  /** What the route asks for, such as `push`. */
  action: z.string(),
  allowed: z.boolean(),
  method: z.string(),
  path: z.string(),
  /** Empty where the request is about none. */
  repository: z.string(),
  status: z.int(),
  /** The error that was answered; empty where it went well. */
  code: z.string(),
  /** Entries before this one that could not be written. */
  lost: z.int().exactOptional(),
});

export type AuditEntry = z.infer<typeof auditEntry>;

/** As it is given; the journal says which one it is. */
export type Audited = Omit<AuditEntry, 'id' | 'lost'>;

/** One line of the journal. */
export function formatEntry(entry: AuditEntry): string {
  return `${JSON.stringify({ ...entry, path: entry.path.slice(0, MAX_PATH) })}\n`;
}

/** Undefined for what is none: a line that a crash cut off. */
export function parseEntry(line: string): AuditEntry | undefined {
  try {
    return auditEntry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
