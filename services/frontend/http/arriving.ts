import { giveAway } from '#libs/given-away.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { ClientPace, describeRate } from './client-pace.ts';
import type { RequestContext } from './context.ts';

/**
 * The chunks of a request's body, which are the caller's own. The client is waited for only while there is nothing to give and the
 * consumer wants more, and that time alone counts against its rate. Leaving early leaves the connection as it is.
 */
export async function* arriving(ctx: RequestContext): AsyncGenerator<Buffer, void, undefined> {
  const { req, state } = ctx;
  let wake = Promise.withResolvers<undefined>();
  let failure: Error | undefined;
  let ended = false;
  const more = (): void => wake.resolve(undefined);
  const fail = (error: Error): void => {
    failure ??= error;
    more();
  };
  const onEnd = (): void => {
    ended = true;
    more();
  };
  const onClose = (): void => {
    if (!ended) fail(new Error('The client went away before the end of its request.'));
  };
  const pace = new ClientPace(state.minimumRate, () => {
    state.stalled = 'writer';
    fail(tooSlow(describeRate(state.minimumRate)));
  });
  req.on('readable', more).on('end', onEnd).on('error', fail).on('close', onClose);
  try {
    if (req.destroyed && !req.readableEnded) onClose();
    ended ||= req.readableEnded;
    for (;;) {
      const chunk = failure === undefined ? (req.read() as Buffer | null) : null;
      pace.moved(chunk?.length ?? 0);
      if (chunk !== null) {
        state.bytesIn += chunk.length;
        yield giveAway(chunk);
      } else if (failure !== undefined) throw failure;
      else if (ended) return;
      else {
        pace.waits();
        await wake.promise;
        wake = Promise.withResolvers();
      }
    }
  } finally {
    pace.end();
    req.off('readable', more).off('end', onEnd).off('error', fail).off('close', onClose);
  }
}

function tooSlow(rate: string): RegistryError {
  return new RegistryError(
    'TIMEOUT',
    `Less of the request's body came than ${rate}, so it was given up. What had come of an upload is kept: ask for its offset and go on from there.`,
  );
}
