import { splitCommand } from '../arguments.ts';
import type { Command, Tools } from '../command.ts';
import { wrongUsage, type ExitCode } from '../exit.ts';
import { didYouMean } from '../nearest.ts';
import { grant, grants, revoke } from './auth/bindings.ts';
import { can } from './auth/can.ts';
import { directories } from './auth/directories.ts';
import { issuers } from './auth/issuers.ts';
import { keys } from './auth/keys.ts';
import { robots, users } from './auth/principals.ts';
import { secret } from './auth/secret.ts';
import { tokens } from './auth/tokens.ts';
import { whoami } from './auth/whoami.ts';

const help = `Usage: meridian auth users [list]
       meridian auth users add NAME [--group GROUP]… [--description TEXT] [--no-password]
       meridian auth users password [NAME]
       meridian auth users change NAME [--group GROUP]… [--no-groups] [--description TEXT] [--disable | --enable] [--expires TIME]
       meridian auth users remove NAME
       meridian auth robots [list | add | change | remove] …     with --secret: another secret, --drop-secret ID: one less
       meridian auth tokens [list]
       meridian auth tokens add [--description TEXT] [--allow ACTION,…:PATTERN]… [--expires TIME]
       meridian auth tokens remove ID
       meridian auth grant ROLE SUBJECT PATTERN
       meridian auth revoke ID
       meridian auth grants
       meridian auth can [WHO] ACTION [REPOSITORY]
       meridian auth whoami
       meridian auth secret          what "meridian login" kept, for other programs
       meridian auth directories [list]
       meridian auth directories set NAME --file FILE [--ca-file FILE]
       meridian auth directories remove NAME
       meridian auth keys rotate [--drop-all]
       meridian auth issuers [list]
       meridian auth issuers add NAME --url URL [--allow-private]
           [--client-id ID [--client-secret-file FILE] [--scope SCOPE]… [--name-claim CLAIM] [--groups-claim CLAIM] [--session TIME]]
       meridian auth issuers change NAME [as for add, but for --url] [--no-people]
       meridian auth issuers allow NAME --audience TEXT --claim CLAIM=PATTERN… --robot ROBOT [--allow ACTION,…:PATTERN]… [--session TIME]
       meridian auth issuers disallow NAME RULE
       meridian auth issuers remove NAME

Says who there is, and who may do what. Roles are guest (see), puller (and pull), developer (and push), maintainer (and move tags, delete,
change settings) and administrator (everything). A subject is user:NAME, robot:NAME, group:NAME, authenticated (everyone logged in) or
anyone; a pattern is a repository such as team/app, team/*-dev, team/** for all below, or ** for all there are. Changes hold in every
region within a second. Passwords are asked for or read from standard input; secrets that the registry makes are shown once.

Issuers are providers of OpenID Connect. With a client id, people log in through one ("meridian login --oidc NAME") as NAME+their name, in the
groups NAME/group. Rules let machines in with a token of the issuer's, such as the jobs of a CI, and say as which robot. In the pattern
of a claim * stands for any characters but slashes and colons, and ** for any. The client's secret is read from the file, or from that which
MERIDIAN_CLIENT_SECRET_FILE names.

  meridian auth users add alice
  meridian auth grant developer user:alice 'team/**'
  meridian auth grant puller anyone 'public/**'
  meridian auth can alice push team/app
  meridian auth tokens add --description laptop --allow 'pull:team/**' --expires 2027-01-31
  meridian auth issuers add github --url https://token.actions.githubusercontent.com
  meridian auth issuers allow github --audience registry.example.net --claim 'sub=repo:octo/app:ref:refs/heads/main' --robot ci`;

type Run = (args: readonly string[], tools: Tools) => Promise<ExitCode>;

const SUBCOMMANDS: Readonly<Record<string, Run>> = {
  users,
  robots,
  tokens,
  grant,
  revoke,
  grants,
  can,
  whoami,
  secret,
  directories,
  keys,
  issuers,
};

export const auth: Command = {
  name: 'auth',
  summary: 'users, robots, tokens, and who may do what',
  help,
  run: async (args, tools) => {
    const { name, args: rest } = splitCommand(args);
    const run = name !== undefined && Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
    if (run !== undefined) return run(rest, tools);
    if (name === undefined)
      throw wrongUsage(`What about? Expected one of ${Object.keys(SUBCOMMANDS).join(', ')}.`);
    const meant = didYouMean(name, Object.keys(SUBCOMMANDS));
    throw wrongUsage(`There is no "meridian auth ${name}"${meant === '' ? '.' : meant}`);
  },
};
