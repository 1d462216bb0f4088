import { isIP } from 'node:net';
import { regionName } from '#libs/config/values.ts';
import { parseArguments, requireNoMore, splitCommand } from '../arguments.ts';
import { printJson, printTable, type Command, type Tools } from '../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../exit.ts';
import { countOf } from '../output/format.ts';
import { DAY_MS } from './certs/authority.ts';
import { findCertificates } from './certs/found.ts';
import { AUTHORITY_FOLDER } from './certs/layout.ts';
import { makeCertificates, type NewRegion } from './certs/make.ts';
import { renewCertificates } from './certs/renew.ts';

const help = `Usage: meridian certs make REGION=HOST[,HOST…]… [--registry-name HOST]… [--dir DIR] [--days N]
       meridian certs list [--dir DIR] [--within DAYS]
       meridian certs renew [--dir DIR] [--within DAYS] [--days N]

Makes a private authority, and certificates for a cluster: for each region a folder of what its services, its front ends and its
member of etcd show and know the others by. Hosts are the names and addresses by which a region's services are called. Asks no
registry; needs nothing but this program. What is there is kept, so that regions can be added later, and keys are never
overwritten. "list" ends with 1 where something ends soon; "renew" signs that anew for the same keys, and running services take
it up by themselves. Keep the folder "${AUTHORITY_FOLDER}" off the network.

  --dir DIR             where they are (default: certs)
  --registry-name HOST  what clients call the registry, besides the hosts of its region
  --days N              how long certificates are valid (default: 825)
  --within DAYS         what counts as soon (default: 30)

  meridian certs make us=us.example.net,10.1.0.4 eu=eu.example.net,10.2.0.4 --registry-name registry.example.net`;

const OPTIONS = {
  dir: { type: 'string', default: 'certs' },
  days: { type: 'string', default: '825' },
  within: { type: 'string', default: '30' },
  'registry-name': { type: 'string', multiple: true },
} as const;

type Values = Readonly<{ dir: string; days: string; within: string; 'registry-name'?: string[] }>;
type Run = (values: Values, positionals: readonly string[], tools: Tools) => Promise<ExitCode>;

const SUBCOMMANDS: Readonly<Record<string, Run>> = {
  make: async ({ dir, days, 'registry-name': registry = [] }, positionals, tools) => {
    if (positionals.length === 0) throw wrongUsage('Which regions? Expected REGION=HOST[,HOST…].');
    const regions = positionals.map(regionOf);
    const made = makeCertificates({
      ...{ dir, regions, registry: registry.map(hostOf), nowMs: Date.now() },
      days: daysOf('--days', days),
    });
    return tell(tools, dir, 'made', made);
  },
  list: async ({ dir, within }, positionals, tools) => {
    requireNoMore(positionals, 0);
    const soonMs = Date.now() + daysOf('--within', within) * DAY_MS;
    const found = findCertificates(dir).map(({ path, names, certificate: { validToDate: ends } }) => {
      return { path, names, ends: ends.toISOString(), endsSoon: ends.getTime() <= soonMs };
    });
    if (tools.json) await printJson(tools, found);
    else {
      const rows = found.map(({ path, names, ends, endsSoon }) => [
        path,
        `${ends.slice(0, 10)}${endsSoon ? ' (soon)' : ''}`,
        names.join(', '),
      ]);
      await printTable(tools, [{ header: 'FILE' }, { header: 'ENDS' }, { header: 'NAMES' }], rows);
    }
    return found.some(({ endsSoon }) => endsSoon) ? EXIT.notSo : EXIT.done;
  },
  renew: async ({ dir, within, days }, positionals, tools) => {
    requireNoMore(positionals, 0);
    const renewed = renewCertificates({
      ...{ dir, withinDays: daysOf('--within', within), days: daysOf('--days', days), nowMs: Date.now() },
    });
    return tell(tools, dir, 'renewed', renewed);
  },
};

export const certs: Command = {
  name: 'certs',
  summary: 'make an authority and certificates for a cluster, and renew them',
  help,
  run: async (args, tools) => {
    const { name, args: rest } = splitCommand(args);
    const run = name !== undefined && Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
    if (run === undefined) throw wrongUsage('Expected one of make, list, renew.');
    const { values, positionals } = parseArguments(rest, OPTIONS);
    return run(values, positionals, tools);
  },
};

async function tell(
  tools: Tools,
  dir: string,
  done: 'made' | 'renewed',
  paths: readonly string[],
): Promise<ExitCode> {
  if (tools.json) await printJson(tools, { [done]: paths });
  else {
    for (const path of paths) await tools.out.print(`${dir}/${path}`);
    await tools.out.print(`${countOf(paths.length, 'certificate')} ${done}.`);
  }
  return EXIT.done;
}

function regionOf(text: string): NewRegion {
  const [name = '', hosts = '', ...more] = text.split('=');
  if (!regionName.safeParse(name).success || name === AUTHORITY_FOLDER || hosts === '' || more.length > 0)
    throw wrongUsage(`"${text}": expected REGION=HOST[,HOST…], such as us=us.example.net,10.1.0.4.`);
  return { name, hosts: hosts.split(',').map(hostOf) };
}

function hostOf(text: string): string {
  const isName =
    text.length <= 253 && text.split('.').every((label) => /^(?:\*|[a-z0-9_-]{1,63})$/i.test(label));
  if (isIP(text) !== 0 || isName) return text.toLowerCase();
  throw wrongUsage(`"${text}": expected a host name or an address.`);
}

function daysOf(option: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1) return Number(text);
  throw wrongUsage(`${option} ${text}: expected a number of days.`);
}
