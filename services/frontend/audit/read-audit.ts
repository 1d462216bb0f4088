import { parsePageSize } from '#libs/oci/link.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Authentication } from '../auth/authentication.ts';
import { answerJson } from '../http/answer.ts';
import { queryParameter, type Handler, type RequestContext } from '../http/context.ts';
import { searchJournal, type Filter, type Mark } from './search.ts';

const DEFAULT_ENTRIES = 100;
const MAX_ENTRIES = 1_000;
const MARK = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z),([\w-]{1,100})$/;

/** What was done, or tried, through this region's front ends: the newest first. `next` leads to what is older. */
export function readAudit(authentication: Authentication): Handler {
  return async (ctx) => {
    const directory = authentication.settings.auditDirectory;
    if (directory === undefined) throw notKept();
    const n = queryParameter(ctx, 'n');
    const limit = Math.max(1, n === undefined ? DEFAULT_ENTRIES : parsePageSize(n, MAX_ENTRIES));
    const { entries, next } = await searchJournal(directory, filterOf(ctx), limit, ctx.state.signal);
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, { entries, ...(next && { next: `${next.at},${next.id}` }) });
  };
}

function notKept(): RegistryError {
  const message = 'This front end does not keep who did what; its operator has to set MERIDIAN_AUDIT_DIR.';
  return new RegistryError('UNSUPPORTED', message);
}

function filterOf(ctx: RequestContext): Filter {
  const text = <K extends string>(name: K): Partial<Record<K, string>> => {
    const value = queryParameter(ctx, name);
    return value === undefined ? {} : ({ [name]: value } as Record<K, string>);
  };
  const allowed = queryParameter(ctx, 'allowed');
  const [since, until, before] = ['since', 'until', 'last'].map((name) => queryParameter(ctx, name));
  return {
    ...{ ...text('who'), ...text('repository'), ...text('action') },
    ...(allowed === undefined ? {} : { allowed: parseBoolean(allowed) }),
    ...(since === undefined ? {} : { sinceMs: parseTime('since', since) }),
    ...(until === undefined ? {} : { untilMs: parseTime('until', until) }),
    ...(before === undefined ? {} : { before: parseMark(before) }),
  };
}

function parseBoolean(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw invalid(`allowed is ${quote(text)}; expected true or false.`);
}

function parseTime(name: string, text: string): number {
  const time = Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw invalid(`${name} is ${quote(text)}; expected a time such as 2027-01-31T12:00:00Z.`);
}

function parseMark(text: string): Mark {
  const [, at, id] = MARK.exec(text) ?? [];
  if (at !== undefined && id !== undefined) return { at, id };
  throw invalid(`last is ${quote(text)}; expected what the page before called next.`);
}

function invalid(message: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', message);
}
