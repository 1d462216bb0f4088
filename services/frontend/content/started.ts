/** The same bytes, once there are first ones: an error before them is thrown here. */
export async function started(chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  let first: IteratorResult<Uint8Array> | undefined = await iterator.next();
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    const step = first ?? (await iterator.next());
    first = undefined;
    return step.done === true ? { done: true, value: undefined } : { done: false, value: step.value };
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next,
      return: async () => {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
