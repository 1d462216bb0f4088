import { giveBack } from '#libs/given-away.ts';
import { carriedBytes, MIN_BYTES } from './carried-bytes.ts';

type Serialize = (message: unknown) => Buffer;

/**
 * The serializer of a message that carries a piece of a blob as `data`: its bytes are copied once, from where they are into the frame that is sent,
 * and not into a message in between. That is a third less to allocate and to collect for each byte that a service sends. `isLast`: nobody asks
 * for the message again, so that the memory of bytes that were given away goes back as soon as they are copied.
 */
export function chunkWriter(definition: object, serialize: Serialize, isLast: boolean): Serialize {
  const carried = carriedBytes(definition);
  if (carried === undefined) return serialize;
  const { key, others } = carried;
  return (message) => {
    const { data, ...rest } = message as { data?: unknown } & Record<string, unknown>;
    if (!Buffer.isBuffer(data) || data.length < MIN_BYTES) return serialize(message);
    if (others.some((name) => rest[name] !== undefined && rest[name] !== null)) return serialize(message);
    return new UncopiedChunk(key, data, isLast) as unknown as Buffer;
  };
}

/** What grpc-js asks of a serialized message: how long it is, and that it writes itself into the frame. */
class UncopiedChunk {
  readonly length: number;
  readonly byteLength: number;
  readonly #head: Buffer;
  readonly #data: Buffer;
  readonly #isLast: boolean;

  constructor(key: number, data: Buffer, isLast: boolean) {
    this.#head = Buffer.from([key, ...varint(data.length)]);
    this.#data = data;
    this.#isLast = isLast;
    this.length = this.byteLength = this.#head.length + data.length;
  }

  copy(target: Buffer, at: number): void {
    this.#head.copy(target, at);
    this.#data.copy(target, at + this.#head.length);
    if (this.#isLast) giveBack(this.#data);
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}
