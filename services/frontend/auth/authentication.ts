import type { DirectoryRecord } from '#libs/auth/directory.ts';
import type { Counters } from '#libs/cache/counters.ts';
import { openDirectory, type Directory } from '#libs/ldap/directory.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { createAskers } from './asker.ts';
import { createDelays } from './delays.ts';
import type { FirstAdministratorOptions } from './first-administrator.ts';
import { createGate, type Gate } from './gate.ts';
import { createKeyRing, type KeyRing } from './key-ring.ts';
import { createKnownAuth, type KnownAuth } from './known.ts';
import { createLogin, type Login } from './login.ts';
import { createProofs } from './proofs.ts';
import { createForeignTokens, type ForeignTokens } from './oidc/foreign-tokens.ts';
import { createMachines, type Machines } from './oidc/machines.ts';
import { createOutbound, type Outbound } from './oidc/outbound.ts';
import { createProviders, type Providers } from './oidc/providers.ts';
import { createRateLimits } from './rate-limits.ts';
import type { AuthSettings } from './settings.ts';
import { createAdmit } from './sources/admit.ts';
import { createAllSources } from './sources/all-sources.ts';
import { createCatalogSource } from './sources/catalog-source.ts';
import { createDirectorySource } from './sources/directory-source.ts';
import { createRegistryTokens, type RegistryTokens } from './tokens.ts';

/** What authentication needs of the processes around it. */
export interface AuthCollaborators {
  readonly auth: Auth;
  /** Of the region's front ends together. */
  readonly counters: Counters;
  readonly settings: AuthSettings;
  readonly firstAdministrator: Pick<FirstAdministratorOptions, 'password' | 'onMade'>;
  /** Of the DN by which a directory is asked; undefined where this front end has none. */
  readonly readDirectoryPassword: () => string | undefined;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** All of authentication, put together; a front end without it lets everyone do everything. */
export interface Authentication {
  readonly auth: Auth;
  readonly known: KnownAuth;
  readonly gate: Gate;
  readonly login: Login;
  readonly machines: Machines;
  /** What issuers of OpenID Connect are asked, and what they signed. */
  readonly outbound: Outbound;
  readonly providers: Providers;
  readonly foreignTokens: ForeignTokens;
  readonly tokens: RegistryTokens;
  readonly keys: KeyRing;
  readonly settings: AuthSettings;
  readonly firstAdministrator: AuthCollaborators['firstAdministrator'];
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** `now` gives monotonic milliseconds. */
export function createAuthentication(collaborators: AuthCollaborators, now: () => number): Authentication {
  const { auth, counters, settings, firstAdministrator, readDirectoryPassword, clock } = collaborators;
  const known = createKnownAuth({ staleMs: settings.staleMs, now });
  const keys = createKeyRing(known, clock);
  const { accessSeconds, refreshSeconds, publicUrl, staleWarningMs } = settings;
  const tokens = createRegistryTokens({ keys, accessSeconds, refreshSeconds, clock });
  const admit = createAdmit({ auth, known, knownWaitMs: settings.knownWaitMs });
  const open = (record: DirectoryRecord): Directory =>
    openDirectory({ settings: record, readPassword: readDirectoryPassword });
  const directory = createDirectorySource({ open, admit, clock });
  const source = createAllSources(createCatalogSource(), directory);
  const proofs = createProofs({ source, clock });
  const outbound = createOutbound(settings.oidc);
  const providers = createProviders(outbound, now);
  const foreignTokens = createForeignTokens(providers, clock);
  const machines = createMachines(foreignTokens, clock);
  const delays = createDelays(counters);
  const login = createLogin({ proofs, delays, machines, clock });
  const askers = createAskers({ login, tokens, clock });
  const rateLimits = createRateLimits(settings.rateLimits, counters, now);
  const gate = createGate({ known, askers, rateLimits, publicUrl, staleWarningMs });
  return {
    ...{ auth, known, gate, login, machines, outbound, providers, foreignTokens, tokens, keys },
    ...{ settings, firstAdministrator, clock },
  };
}
