import { setTimeout as delay } from 'node:timers/promises';
import type { Digester, DigestAlgorithm } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { unknownUpload } from '#libs/upload-id.ts';
import type { UploadRows } from '../owner/uploads.ts';
import type { UploadIds } from './ids.ts';

/** What this process knows of an open upload. */
export interface Session {
  readonly id: string;
  readonly repository: string;
  readonly algorithm: DigestAlgorithm;
  /** Bytes that are durable, as the database has it. */
  offset: number;
  /** Has seen exactly the bytes before `offset`; missing after a restart, and where that can't be said. */
  digester?: Digester | undefined;
  holder?: Holder | undefined;
}

/** The one who works on a session. */
export interface Holder {
  /** It waits for nothing but the disk any more, so it is worth waiting for. */
  settling: boolean;
  readonly done: PromiseWithResolvers<undefined>;
}

/** Sessions without a holder whose hash is kept in memory; others are hashed again when they finish. */
const MAX_IDLE_SESSIONS = 10_000;

/** How long to wait for a writer that may have lost its caller without knowing it yet, before calling it a conflict. */
const LEAVE_WAIT_MS = 500;

/** The open uploads. Every method throws BLOB_UPLOAD_UNKNOWN for an id that is not open in the repository. */
export class Sessions {
  readonly #ids: UploadIds;
  readonly #rows: UploadRows;
  readonly #sessions = new Map<string, Session>();

  constructor(ids: UploadIds, rows: UploadRows) {
    this.#ids = ids;
    this.#rows = rows;
  }

  find(id: string, repository: string): Session {
    this.#ids.check(id, repository);
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const row = this.#rows.get(id);
    if (row === undefined) throw unknownUpload(id);
    const session: Session = { ...row };
    this.#sessions.set(id, session);
    this.#evict();
    return session;
  }

  /** The session once nobody is about to be done with it. */
  async settled(id: string, repository: string): Promise<Session> {
    for (;;) {
      const session = this.find(id, repository);
      if (session.holder?.settling !== true) return session;
      await session.holder.done.promise;
    }
  }

  /** Runs `work` as the session's only holder. CONFLICT: another one is receiving bytes. */
  async hold<T>(
    id: string,
    repository: string,
    settling: boolean,
    work: (session: Session, holder: Holder) => Promise<T>,
  ): Promise<T> {
    const { session, holder } = await this.#claim(id, repository, settling);
    try {
      return await work(session, holder);
    } finally {
      session.holder = undefined;
      holder.done.resolve(undefined);
    }
  }

  /** For the holder, after the upload's row is gone. */
  forget(id: string): void {
    this.#sessions.delete(id);
  }

  async #claim(
    id: string,
    repository: string,
    settling: boolean,
  ): Promise<{ session: Session; holder: Holder }> {
    let waited = false;
    for (;;) {
      const session = this.find(id, repository);
      const other = session.holder;
      if (other === undefined) {
        const holder: Holder = { settling, done: Promise.withResolvers() };
        session.holder = holder;
        return { session, holder };
      }
      if (other.settling) await other.done.promise;
      else if (waited) throw conflict();
      else {
        waited = true;
        await Promise.race([other.done.promise, delay(LEAVE_WAIT_MS, undefined, { ref: false })]);
      }
    }
  }

  #evict(): void {
    if (this.#sessions.size <= MAX_IDLE_SESSIONS) return;
    for (const [id, { holder }] of this.#sessions) {
      if (holder !== undefined) continue;
      this.#sessions.delete(id);
      if (this.#sessions.size <= MAX_IDLE_SESSIONS) return;
    }
  }
}

function conflict(): RegistryError {
  return new RegistryError(
    'CONFLICT',
    "Another request is writing to this upload. Wait until it ends, ask for the upload's offset, and go on from there.",
    { retryAfterSeconds: 1 },
  );
}
