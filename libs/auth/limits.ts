/** Most of each kind in a registry: each region keeps all of it at hand. */
export const MAX_PRINCIPALS = 10_000;
export const MAX_TOKENS = 20_000;
export const MAX_BINDINGS = 10_000;

/** So that the transaction that removes someone has room for all that is his. */
export const MAX_TOKENS_PER_PRINCIPAL = 30;
export const MAX_BINDINGS_PER_PRINCIPAL = 30;

export const MAX_GROUPS = 50;
/** Of a robot at a time: an old one that still runs, the one that replaces it, and some more. */
export const MAX_SECRETS = 5;
/** Narrowings of one token. */
export const MAX_GRANTS = 20;
export const MAX_DESCRIPTION = 200;

/** The longest that a token signed by the registry may be good for: its key's public part is kept so long. */
export const MAX_SIGNED_TOKEN_MS = 30 * 24 * 3_600_000;

export const MAX_ISSUERS = 50;
/** Of one issuer, for its machines. */
export const MAX_RULES = 50;
/** Conditions of one rule. */
export const MAX_CONDITIONS = 20;
export const MAX_CLAIM_NAME = 128;
export const MAX_CLAIM_PATTERN = 256;
/** Longer values of claims fit no pattern. */
export const MAX_CLAIM_VALUE = 1024;
/** Of a person, as an issuer tells them; some send as many. */
export const MAX_ISSUER_GROUPS = 200;
export const MAX_DIRECTORY_GROUPS = 200;
/** https://openid.net/specs/openid-connect-core-1_0.html#IDToken */
export const MAX_SUBJECT_LENGTH = 255;
/** How long a login through an issuer, or what a machine got for its token, may last. */
export const MIN_SESSION_MS = 60_000;
export const MAX_SESSION_MS = 7 * 24 * 3_600_000;
