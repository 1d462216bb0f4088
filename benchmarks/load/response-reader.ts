const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const MAX_HEAD_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** Reads one HTTP/1.1 answer after another from what a connection receives; of a body it only counts the bytes. */
export class ResponseReader {
  status = 0;
  /** The head as it came, the status line with it. */
  head = '';
  bodyBytes = 0;
  /** Is given each piece of the body; the piece is overwritten by what comes next. */
  onBody: ((piece: Buffer) => void) | undefined;
  #state: 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'done' = 'done';
  #left = 0;
  #withoutBody = false;
  #kept = NOTHING;

  /** Begins a new answer. */
  expect(method: string, onBody?: (piece: Buffer) => void): void {
    this.#state = 'head';
    this.#withoutBody = method === 'HEAD';
    this.#kept = NOTHING;
    this.bodyBytes = 0;
    this.onBody = onBody;
  }

  /** Takes what was received; true once the answer is complete. */
  take(received: Buffer): boolean {
    let rest = this.#kept.length === 0 ? received : Buffer.concat([this.#kept, received]);
    this.#kept = NOTHING;
    while (this.#state !== 'done') {
      const taken = this.#step(rest);
      if (taken === 0) {
        // A copy: the connection reads into the same memory again.
        this.#kept = Buffer.from(rest);
        return false;
      }
      rest = rest.subarray(taken);
    }
    return true;
  }

  header(name: string): string | undefined {
    return new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(this.head)?.[1];
  }

  /** Takes a part of the bytes and gives how many; 0 where it needs more first. */
  #step(bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes);
      case 'length':
      case 'chunk':
        return this.#readBody(bytes);
      case 'done':
        return 0;
      default:
        return this.#readLine(bytes);
    }
  }

  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end === -1) {
      if (bytes.length > MAX_HEAD_BYTES) throw new Error('The head of an answer is longer than 64 KiB.');
      return 0;
    }
    this.head = bytes.toString('latin1', 0, end);
    this.status = Number(this.head.slice(9, 12));
    if (this.#withoutBody || this.status === 204 || this.status === 304) {
      this.#state = 'done';
    } else {
      const length = this.header('content-length');
      this.#left = Number(length);
      if (length === undefined) this.#state = this.#expectChunks();
      else this.#state = this.#left === 0 ? 'done' : 'length';
    }
    return end + HEAD_END.length;
  }

  #expectChunks(): 'chunk-size' {
    if (/chunked/i.test(this.header('transfer-encoding') ?? '')) return 'chunk-size';
    throw new Error(`An answer does not say how long it is:\n${this.head}`);
  }

  #readBody(bytes: Buffer): number {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.bodyBytes += piece.length;
    this.onBody?.(piece);
    this.#left -= piece.length;
    if (this.#left === 0) this.#state = this.#state === 'chunk' ? 'chunk-end' : 'done';
    return piece.length;
  }

  /** The lines around chunks: their sizes, their ends, and what follows the last. */
  #readLine(bytes: Buffer): number {
    const end = bytes.indexOf(LINE_END);
    if (end === -1) return 0;
    if (this.#state === 'chunk-end') {
      this.#state = 'chunk-size';
    } else if (this.#state === 'trailer') {
      if (end === 0) this.#state = 'done';
    } else {
      this.#left = parseInt(bytes.toString('latin1', 0, end), 16);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    }
    return end + LINE_END.length;
  }
}
