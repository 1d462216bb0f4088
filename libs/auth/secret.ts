import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What the text of a secret is for: a personal access token, or a robot. */
export type SecretKind = 'token' | 'robot';

export interface Secret {
  readonly kind: SecretKind;
  readonly id: string;
  /** Shown once, to whom it is for. */
  readonly text: string;
  /** What is kept. */
  readonly sha256: string;
}

/** So that people and scanners of leaked secrets know them when they see them. */
const PREFIX: Readonly<Record<SecretKind, string>> = { token: 'meridian_token', robot: 'meridian_robot' };
const FORMAT = /^meridian_(token|robot)_([0-9a-f]{20})_([A-Za-z0-9_-]{43})$/;

const ID = /^[0-9a-f]{20}$/;
const HASH = /^[0-9a-f]{64}$/;

/** Of that id or, without one, of a new one. */
export function createSecret(kind: SecretKind, id: string = randomBytes(10).toString('hex')): Secret {
  const text = `${PREFIX[kind]}_${id}_${randomBytes(32).toString('base64url')}`;
  return { kind, id, text, sha256: hashOf(text) };
}

/** What the text says of itself; undefined where it is no such secret. */
export function parseSecret(text: string): Pick<Secret, 'kind' | 'id'> | undefined {
  const [, kind, id] = FORMAT.exec(text) ?? [];
  return kind === undefined || id === undefined ? undefined : { kind: kind as SecretKind, id };
}

export function isSecretId(text: string): boolean {
  return ID.test(text);
}

export function isSecretHash(text: string): boolean {
  return HASH.test(text);
}

/** In a time that tells nothing of what is kept. */
export function isSecret(text: string, sha256: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(text), 'hex'), Buffer.from(sha256, 'hex'));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
