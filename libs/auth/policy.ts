import type { DirectoryRecord } from './directory.ts';
import type { IssuerRecord, Rule } from './issuer.ts';
import type { BindingRecord, PrincipalRecord, SigningKeyRecord, TokenRecord } from './records.ts';

/** What decisions are made by: who there is and what is given to whom, as of one moment. */
export interface Policy {
  principal(name: string): PrincipalRecord | undefined;
  token(id: string): TokenRecord | undefined;
  issuer(name: string): IssuerRecord | undefined;
  /** Of whichever issuer. */
  rule(id: string): Rule | undefined;
  directory(name: string): DirectoryRecord | undefined;
  /** Given to the subject of that text (`user:alice`, `anyone`), in the order of their ids. */
  bindingsOf(subject: string): readonly BindingRecord[];
}

/** A record of the catalog. */
export interface Entry<T> {
  readonly name: string;
  readonly record: T;
  /** Its mod revision. */
  readonly version: number;
}

/** All there is, for administrators; by name. */
export interface Directory {
  principals(): readonly Entry<PrincipalRecord>[];
  tokens(): readonly Entry<TokenRecord>[];
  bindings(): readonly Entry<BindingRecord>[];
  directories(): readonly Entry<DirectoryRecord>[];
  signingKeys(): readonly Entry<SigningKeyRecord>[];
  issuers(): readonly Entry<IssuerRecord>[];
}
