import type { MessageTypeDefinition } from '@grpc/proto-loader';

/** Of a message that may carry a piece of a blob: the field `data`. */
export interface CarriedBytes {
  /** The byte that the field begins with: https://protobuf.dev/programming-guides/encoding/#structure */
  readonly key: number;
  /** The names of the other fields. */
  readonly others: readonly string[];
}

/** Pieces of fewer bytes are not worth what is done for larger ones. */
export const MIN_BYTES = 4 * 1024;

const WIRE_TYPE_BYTES = 2;
/** Those of larger numbers take two bytes. */
const MAX_NUMBER = 15;

/** `definition` is proto-loader's. Undefined for messages without such a field. */
export function carriedBytes(definition: object): CarriedBytes | undefined {
  const { type } = definition as { type: MessageTypeDefinition<object, object>['type'] };
  const { field: fields } = type as { field: readonly { name: string; number: number }[] };
  const field = fields.find(({ name }) => name === 'data');
  if (field === undefined || field.number > MAX_NUMBER) return undefined;
  return {
    key: (field.number << 3) | WIRE_TYPE_BYTES,
    others: fields.map(({ name }) => name).filter((name) => name !== 'data'),
  };
}
