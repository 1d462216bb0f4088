import type { MessageTypeDefinition } from '@grpc/proto-loader';

type Serialize = (message: unknown) => Buffer;

/** Smaller ones are not worth it. */
const MIN_BYTES = 4 * 1024;
const WIRE_TYPE_BYTES = 2;

/**
 * The serializer of a message that carries a piece of a blob as `data`: its bytes are copied once, from where they are into the frame that is sent,
 * and not into a message in between. That is a third less to allocate and to collect for each byte that a service sends.
 */
export function chunkWriter(definition: object, serialize: Serialize): Serialize {
  const { type } = definition as { type: MessageTypeDefinition<object, object>['type'] };
  const { field: fields } = type as { field: readonly { name: string; number: number }[] };
  const field = fields.find(({ name }) => name === 'data');
  if (field === undefined) return serialize;
  const others = fields.map(({ name }) => name).filter((name) => name !== 'data');
  return (message) => {
    const { data, ...rest } = message as { data?: unknown } & Record<string, unknown>;
    if (!Buffer.isBuffer(data) || data.length < MIN_BYTES) return serialize(message);
    if (others.some((name) => rest[name] !== undefined && rest[name] !== null)) return serialize(message);
    return new UncopiedChunk(field.number, data) as unknown as Buffer;
  };
}

/** What grpc-js asks of a serialized message: how long it is, and that it writes itself into the frame. */
class UncopiedChunk {
  readonly length: number;
  readonly byteLength: number;
  readonly #key: Buffer;
  readonly #data: Buffer;

  constructor(fieldNumber: number, data: Buffer) {
    this.#key = Buffer.from([(fieldNumber << 3) | WIRE_TYPE_BYTES, ...varint(data.length)]);
    this.#data = data;
    this.length = this.byteLength = this.#key.length + data.length;
  }

  copy(target: Buffer, at: number): void {
    this.#key.copy(target, at);
    this.#data.copy(target, at + this.#key.length);
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}
