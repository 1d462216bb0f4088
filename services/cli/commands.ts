import type { Command } from './command.ts';
import { audit } from './commands/audit.ts';
import { auth } from './commands/auth.ts';
import { certs } from './commands/certs.ts';
import { collect } from './commands/collect.ts';
import { repair, verify } from './commands/healing.ts';
import { login, logout } from './commands/login.ts';
import { regions } from './commands/regions.ts';
import { settings } from './commands/settings.ts';
import { status } from './commands/status.ts';
import { wait } from './commands/wait.ts';

/** Every command, in the order in which `meridian help` lists them. */
export const COMMANDS: readonly Command[] = [
  status,
  wait,
  settings,
  regions,
  repair,
  verify,
  collect,
  login,
  logout,
  auth,
  audit,
  certs,
];
