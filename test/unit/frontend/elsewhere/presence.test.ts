import { describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import { createPresence, type Presence } from '#services/frontend/elsewhere/presence.ts';

const soon = { timeout: 10_000, interval: 1 };
const { signal } = new AbortController();
const unanswered = (): Promise<never> => Promise.reject(new Unanswered('It is gone.'));

interface Watched {
  readonly presence: Presence;
  readonly told: string[];
  /** What a probe meets from now on. */
  probe: (signal: AbortSignal) => Promise<unknown>;
}

function watched(): Watched {
  const told: string[] = [];
  const state: Watched = {
    told,
    probe: unanswered,
    presence: createPresence({
      probe: (limited) => state.probe(limited),
      limits: { suspectAfterMs: 5, probeTimeoutMs: 5, leastPauseMs: 1, mostPauseMs: 2 },
      onAway: ({ message }) => told.push(message),
      onBack: () => told.push('back'),
      signal: new AbortController().signal,
    }),
  };
  return state;
}

/** Never answers; ends when it is given up. */
function hanging(limited: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    limited.addEventListener('abort', () => reject(limited.reason as Error), { once: true });
  });
}

async function* hangingStream(limited: AbortSignal): AsyncGenerator<never, void, undefined> {
  yield await hanging(limited);
}

describe('the presence of a service', () => {
  it('ends with a call that is not answered; later ones fail without being made, until a probe is answered', async () => {
    const service = watched();
    await expect(service.presence.call(unanswered, signal)).rejects.toThrow('It is gone.');
    expect(service.presence.answers).toBe(false);
    let made = 0;
    const call = async (): Promise<number> => (made += 1);
    await expect(service.presence.call(call, signal)).rejects.toBeInstanceOf(Unanswered);
    await expect(service.presence.stream(hangingStream, signal).next()).rejects.toBeInstanceOf(Unanswered);
    expect(made).toBe(0);
    const back = service.presence.back();
    expect(back.aborted).toBe(false);
    service.probe = async () => 'here';
    await expect.poll(() => service.presence.answers, soon).toBe(true);
    expect(back.aborted).toBe(true);
    expect(await service.presence.call(call, signal)).toBe(1);
    expect(service.told).toEqual(['It is gone.', 'back']);
  });

  it('does not end with a service that says that it can not', async () => {
    const { presence, told } = watched();
    const unavailable = (): Promise<never> =>
      Promise.reject(new RegistryError('UNAVAILABLE', 'The quorum is away.'));
    await expect(presence.call(unavailable, signal)).rejects.toThrow('The quorum is away.');
    expect([presence.answers, told]).toEqual([true, []]);
  });

  it('ends for all calls and streams under way when one that hangs has it probed in vain', async () => {
    const service = watched();
    const { presence } = service;
    service.probe = hanging;
    const call = presence.call(hanging, signal);
    const stream = presence.stream(async function* (limited) {
      yield 1;
      yield await hanging(limited);
    }, signal);
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    await expect(Promise.allSettled([call, stream.next()])).resolves.toMatchObject([
      { reason: expect.any(Unanswered) as Unanswered },
      { reason: expect.any(Unanswered) as Unanswered },
    ]);
    expect(presence.answers).toBe(false);
  });

  it('goes on while a call that takes long has it probed, and is answered', async () => {
    const service = watched();
    let probes = 0;
    const answered = Promise.withResolvers<string>();
    service.probe = async () => {
      probes += 1;
      if (probes === 3) answered.resolve('at last');
    };
    expect(await service.presence.call(() => answered.promise, signal)).toBe('at last');
    expect([service.presence.answers, service.told]).toEqual([true, []]);
  });

  it('is not judged by a call whose caller gave it up', async () => {
    const { presence, told } = watched();
    const caller = new AbortController();
    const call = presence.call(hanging, caller.signal);
    caller.abort(new Unanswered('The client went away.'));
    await expect(call).rejects.toThrow('The client went away.');
    expect([presence.answers, told]).toEqual([true, []]);
  });
});
