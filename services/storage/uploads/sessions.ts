import { setTimeout as delay } from 'node:timers/promises';
import { unknownUpload } from '#libs/upload-id.ts';
import type { UploadRows } from '../owner/uploads.ts';
import type { StorageSettings } from '../settings.ts';
import { displaced, movedMeanwhile, writtenByAnother } from './conflicts.ts';
import type { Belonging, UploadIds } from './ids.ts';
import type { Claim, Holder, Session } from './session.ts';

export interface SessionsContext {
  readonly ids: UploadIds;
  readonly rows: UploadRows;
  readonly settings: Pick<StorageSettings, 'stalledWriterMs' | 'leaveWaitMs'>;
  readonly clock: () => number;
}

type Work<T> = (session: Session, holder: Holder) => Promise<T>;

/** Sessions without a holder whose hash is kept in memory; others are hashed again when they finish. */
const MAX_IDLE_SESSIONS = 10_000;

/** The open uploads. `find`, `settled` and `hold` throw BLOB_UPLOAD_UNKNOWN for an id that is not open in the repository, or is another's. */
export class Sessions {
  readonly #context: SessionsContext;
  readonly #sessions = new Map<string, Session>();

  constructor(context: SessionsContext) {
    this.#context = context;
  }

  /** For an upload that has just been begun, and is written down. */
  begun(session: Session): void {
    this.#evict();
    this.#sessions.set(session.id, session);
  }

  find(id: string, belonging: Belonging): Session {
    const shown = this.#sessions.get(id)?.belonging;
    const isShown = shown?.repository === belonging.repository && shown.owner === belonging.owner;
    if (!isShown) this.#context.ids.check(id, belonging);
    const session = this.#known(id);
    session.belonging = belonging;
    return session;
  }

  /** The session once nobody is about to be done with it; a writer whose caller is gone gets a moment to find out. */
  async settled(id: string, belonging: Belonging): Promise<Session> {
    for (let waited = false; ; waited = true) {
      const session = this.find(id, belonging);
      const { holder } = session;
      if (holder === undefined || (waited && !holder.settling)) return session;
      if (holder.settling) await holder.done.promise;
      else await this.#untilDone(holder);
    }
  }

  /**
   * Runs `work` as the session's only holder. A writer that has stalled gives way, and what it received is kept; CONFLICT while one receives
   * bytes, and where the offset that the claim rests on has moved.
   */
  async hold<T>(id: string, belonging: Belonging, claim: Claim, work: Work<T>): Promise<T> {
    const { session, holder } = await this.#claim(id, belonging, claim);
    return run(session, holder, work);
  }

  /** Runs `work` as the holder of an upload that nobody else works on; false where somebody does, or there is no such upload. */
  async holdIfFree(id: string, work: Work<void>): Promise<boolean> {
    const session = this.#open(id);
    if (session === undefined || session.holder !== undefined) return false;
    await run(session, this.#take(session), work);
    return true;
  }

  /** For the holder, after the upload's row is gone. */
  forget(id: string): void {
    this.#sessions.delete(id);
  }

  /** Makes the caller the holder of a session that has none. */
  #take(session: Session, leave?: (reason: Error) => void): Holder {
    const settling = leave === undefined;
    const activeAt = this.#context.clock();
    const done = Promise.withResolvers<undefined>();
    session.holder = { settling, activeAt, leave: leave ?? (() => undefined), done };
    return session.holder;
  }

  async #claim(
    id: string,
    belonging: Belonging,
    { leave, unmoved = false, ending = false }: Claim,
  ): Promise<{ session: Session; holder: Holder }> {
    const { clock, settings } = this.#context;
    const { offset } = this.find(id, belonging);
    for (let waited = false; ;) {
      const session = this.#known(id);
      const { holder } = session;
      if (holder === undefined) {
        if (unmoved && session.offset !== offset) throw movedMeanwhile(session.offset);
        return { session, holder: this.#take(session, leave) };
      }
      if (holder.settling) await holder.done.promise;
      else if (ending || clock() - holder.activeAt >= settings.stalledWriterMs) {
        holder.leave(ending ? unknownUpload(id) : displaced());
        await holder.done.promise;
      } else if (waited) throw writtenByAnother();
      else {
        waited = true;
        await this.#untilDone(holder);
      }
    }
  }

  async #untilDone({ done }: Holder): Promise<void> {
    await Promise.race([done.promise, delay(this.#context.settings.leaveWaitMs, undefined, { ref: false })]);
  }

  #known(id: string): Session {
    const session = this.#open(id);
    if (session === undefined) throw unknownUpload(id);
    return session;
  }

  #open(id: string): Session | undefined {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const row = this.#context.rows.get(id);
    if (row === undefined) return undefined;
    const session: Session = { ...row };
    this.begun(session);
    return session;
  }

  #evict(): void {
    if (this.#sessions.size < MAX_IDLE_SESSIONS) return;
    for (const [id, { holder }] of this.#sessions) {
      if (holder !== undefined) continue;
      this.#sessions.delete(id);
      if (this.#sessions.size < MAX_IDLE_SESSIONS) return;
    }
  }
}

async function run<T>(session: Session, holder: Holder, work: Work<T>): Promise<T> {
  try {
    return await work(session, holder);
  } finally {
    session.holder = undefined;
    holder.done.resolve(undefined);
  }
}
