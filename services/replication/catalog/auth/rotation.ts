import { MAX_SIGNED_TOKEN_MS } from '#libs/auth/limits.ts';
import type { Entry } from '#libs/auth/policy.ts';
import type { SigningKeyRecord } from '#libs/auth/records.ts';
import type { Operation } from '#libs/etcd/store.ts';
import { deleteAuth, putAuth } from './change.ts';
import { newKey } from './new-key.ts';
import { signingKeyRecord } from './records.ts';

type Keys = readonly Entry<SigningKeyRecord>[];

export interface RotationSettings {
  /** How long a key signs. */
  readonly keyUseMs: number;
  /** How long a key is published before it signs, so that every front end knows it by then, also one that was cut off for a while. */
  readonly keyPublishMs: number;
}

/** For clocks that differ. */
const RETIRED_MARGIN_MS = 3_600_000;

/** What the keys need now: nothing, most of the time. A key signs, another one is known and will; old ones stay while their tokens are good. */
export function rotationDue(keys: Keys, settings: RotationSettings, nowMs: number): Operation[] {
  const [active] = keys.filter(({ record }) => record.state === 'active');
  const [next] = keys.filter(({ record }) => record.state === 'next');
  const over = keys.filter(({ record }) => isOver(record, nowMs)).map(({ name }) => deleteAuth('key', name));
  if (active === undefined) return [...over, ...firstKeys(nowMs)];
  if (next === undefined) return [...over, putNew('next', nowMs)];
  const used = nowMs - (active.record.activatedAtMs ?? active.record.createdAtMs);
  const published = nowMs - next.record.createdAtMs;
  if (used < settings.keyUseMs || published < settings.keyPublishMs) return over;
  return [...over, ...rotated(active, next, nowMs)];
}

/** Has the next key sign from now on, however long it has been published. */
export function rotateNow(keys: Keys, nowMs: number): Operation[] {
  const [active] = keys.filter(({ record }) => record.state === 'active');
  const [next] = keys.filter(({ record }) => record.state === 'next');
  return active === undefined || next === undefined ? replaceAll(keys, nowMs) : rotated(active, next, nowMs);
}

/** Drops all keys, with every token that they signed. */
export function replaceAll(keys: Keys, nowMs: number): Operation[] {
  return [...keys.map(({ name }) => deleteAuth('key', name)), ...firstKeys(nowMs)];
}

/** One that signs, and the one after it. */
export function firstKeys(nowMs: number): Operation[] {
  return [putNew('active', nowMs), putNew('next', nowMs)];
}

function rotated(active: Entry<SigningKeyRecord>, next: Entry<SigningKeyRecord>, nowMs: number): Operation[] {
  const { privateKey: _dropped, ...old } = active.record;
  return [
    put(active.name, { ...old, state: 'retired', retiredAtMs: nowMs }),
    put(next.name, { ...next.record, state: 'active', activatedAtMs: nowMs }),
    putNew('next', nowMs),
  ];
}

function isOver({ state, retiredAtMs = 0 }: SigningKeyRecord, nowMs: number): boolean {
  return state === 'retired' && nowMs > retiredAtMs + MAX_SIGNED_TOKEN_MS + RETIRED_MARGIN_MS;
}

function putNew(state: 'active' | 'next', nowMs: number): Operation {
  const { id, publicKey, privateKey } = newKey();
  const activated = state === 'active' ? { activatedAtMs: nowMs } : {};
  return put(id, { state, publicKey, privateKey, createdAtMs: nowMs, ...activated });
}

function put(id: string, record: SigningKeyRecord): Operation {
  return putAuth('key', id, signingKeyRecord.encode(record));
}
