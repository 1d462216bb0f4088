import { isPrincipalName } from '#libs/auth/names.ts';
import { RegistryError, type ErrorCode } from '#libs/oci/errors.ts';
import type { Need } from '../auth/needs.ts';
import type { Vouched } from '../http/context.ts';
import type { OnRequest, RequestRecord } from '../http/observe.ts';
import type { Audited } from './entry.ts';
import type { Journal } from './journal.ts';

/** Who asked for what, as far as the gate has found out. */
export interface Asked {
  /** What the route asks for; undefined where no route was reached, or everyone may do everything. */
  readonly need: Need | undefined;
  readonly admitted: boolean;
  /** Empty: someone who did not say, or prove, who he is. */
  readonly name: string;
  readonly id: string;
  /** The name that came with a password or secret, right or wrong. */
  readonly tried: string;
  /** Who an issuer of OpenID Connect said that it is. */
  readonly vouched: Vouched | undefined;
  readonly hasCredentials: boolean;
  /** The address that the request came from. */
  readonly from: string;
}

const REFUSALS: readonly ErrorCode[] = ['UNAUTHORIZED', 'DENIED', 'TOOMANYREQUESTS'];
const READS = ['GET', 'HEAD'];
/** The parts of a push before its manifest. */
const UPLOADS = '/v2/<name>/blobs/uploads/';

/**
 * Keeps what changed something, and what was refused; not what was read, not the pieces of which a push consists, and not that someone who
 * said no name was asked for it, which is how clients begin.
 */
export function createAuditing(
  journal: Pick<Journal, 'append'>,
  region: string,
  nowMs: () => number,
): OnRequest {
  return (record) => {
    const { need } = record.asked;
    if (need === undefined || !isWorthIt(record, need)) return;
    const code = codeOf(record.failure);
    const entry: Audited = {
      at: new Date(nowMs()).toISOString(),
      region,
      ...whoOf(record),
      ...vouchedBy(record),
      from: record.asked.from,
      action: need === 'nothing' ? 'login' : need,
      allowed: record.asked.admitted && !REFUSALS.some((refusal) => refusal === code),
      method: record.method,
      path: record.path,
      repository: record.repository ?? '',
      status: record.status,
      code,
    };
    journal.append(entry);
  };
}

function isWorthIt({ method, route, failure, asked }: RequestRecord, need: Need): boolean {
  const isRefused = !asked.admitted || REFUSALS.some((refusal) => refusal === codeOf(failure));
  if (isRefused) return asked.hasCredentials || (need !== 'nothing' && !READS.includes(method));
  // Who comes by an issuer's word is kept: nothing else here tells of that login.
  if (need === 'nothing') return asked.vouched !== undefined && asked.vouched.name !== '';
  return !READS.includes(method) && !`${route}/`.startsWith(UPLOADS);
}

/** Who was not let in is named as he said, if it can be a name: some type their password in its place. */
function whoOf({ asked: { name, id, tried, vouched } }: RequestRecord): Pick<Audited, 'who' | 'whoId'> {
  if (name === '' && vouched !== undefined) return { who: vouched.name, whoId: vouched.id };
  if (name !== '' || !isPrincipalName(tried)) return { who: name, whoId: id };
  return { who: tried, whoId: '' };
}

function vouchedBy({ asked: { vouched } }: RequestRecord): Pick<Audited, 'issuer' | 'subject'> {
  return vouched === undefined ? {} : { issuer: vouched.issuer, subject: vouched.subject };
}

function codeOf(failure: unknown): string {
  if (failure === undefined) return '';
  return failure instanceof RegistryError ? failure.code : 'INTERNAL';
}
