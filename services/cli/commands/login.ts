import { z } from 'zod';
import { connectApi } from '../api/client.ts';
import { credentialsOfEnv, keepCredentials, type Credentials } from '../api/credentials.ts';
import { logInByBrowser } from '../api/oidc-login.ts';
import { parseArguments, requireNoMore } from '../arguments.ts';
import { printJson, registryOf, type Command, type Tools } from '../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../exit.ts';
import { openPage } from '../open-page.ts';
import { formatTime } from '../output/format.ts';
import { printable } from '../output/width.ts';

const loginHelp = `Usage: meridian login [--username NAME]
       meridian login --username NAME < password-file
       meridian login --oidc ISSUER [--port PORT] [--no-browser]

Logs in to a registry that asks for it, and keeps name and password in a file that only you can read
(~/.config/meridian/credentials.json) until "meridian logout". The password, or a token in its place, is asked for, or read
from standard input or from the file that MERIDIAN_PASSWORD_FILE names; with MERIDIAN_USERNAME, commands need no login.

With --oidc, someone logs in by a browser, at an issuer that an administrator has added ("meridian auth issuers"); for a time, as the
issuer's setting says. Then, for Docker and others:

  meridian auth secret | docker login REGISTRY --username NAME --password-stdin

  --username NAME  who; asked for without it
  --oidc ISSUER    at that issuer
  --port PORT      where the browser finds this program at the end (default: any), such as for ssh -L PORT:127.0.0.1:PORT
  --no-browser     shows the address of the page alone`;

const logoutHelp = `Usage: meridian logout

Forgets the name and password that "meridian login" kept for the registry.`;

export const login: Command = {
  name: 'login',
  summary: 'log in to a registry, and keep the credentials',
  help: loginHelp,
  run: async (args, tools) => {
    const { values, positionals } = parseArguments(args, OPTIONS);
    requireNoMore(positionals, 0);
    if (values.oidc !== undefined) return logInAt(values.oidc, values, tools);
    const url = connectApi(registryOf(values, tools)).url;
    const credentials = await ask(values.username, tools);
    const api = connectApi(url, credentials);
    const self = await api.request(z.looseObject({ name: z.string() }), 'GET', '/auth/self', tools);
    const path = keepCredentials(url, credentials, tools.env);
    if (tools.json) await printJson(tools, { registry: url, name: self.name, file: path });
    else
      await tools.out.print(
        `${printable(self.name)} is logged in to ${url}. The credentials are kept in ${path}.`,
      );
    return EXIT.done;
  },
};

const OPTIONS = {
  username: { type: 'string' },
  oidc: { type: 'string' },
  port: { type: 'string' },
  'no-browser': { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>['values'];

/** By a browser. */
async function logInAt(issuer: string, values: Values, tools: Tools): Promise<ExitCode> {
  const { err, out, env, signal } = tools;
  const api = connectApi(registryOf(values, tools));
  const show = async (url: string): Promise<void> => {
    await err.print(`To log in, open ${url}`);
    if (values['no-browser'] !== true && err.isInteractive) openPage(url);
  };
  const { name, groups, secret, expiresAt } = await logInByBrowser(api, {
    issuer,
    port: portOf(values.port),
    show,
    signal,
  });
  const file = keepCredentials(api.url, { username: name, password: secret }, env);
  if (tools.json) {
    await printJson(tools, { registry: api.url, name, groups, expiresAt, file });
    return EXIT.done;
  }
  await out.print(
    `${printable(name)} is logged in to ${api.url} until ${formatTime(expiresAt)}. The credentials are kept in ${file}.`,
  );
  await out.print(
    `For Docker: npx meridian auth secret | docker login ${new URL(api.url).host} --username ${printable(name)} --password-stdin`,
  );
  return EXIT.done;
}

function portOf(text = '0'): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && (port === 0 || (port >= 1024 && port <= 65_535))) return port;
  throw wrongUsage(`--port ${text}: expected a port from 1024 to 65535.`);
}

export const logout: Command = {
  name: 'logout',
  summary: 'forget the credentials for a registry',
  help: logoutHelp,
  run: async (args, tools) => {
    const { values, positionals } = parseArguments(args, {});
    requireNoMore(positionals, 0);
    const { url } = connectApi(registryOf(values, tools));
    keepCredentials(url, undefined, tools.env);
    await tools.out.print(`No credentials are kept for ${url} any more.`);
    return EXIT.done;
  },
};

async function ask(username: string | undefined, { env, prompt, signal }: Tools): Promise<Credentials> {
  const given = credentialsOfEnv(env);
  if (given !== undefined) return given;
  const name = username ?? (await prompt.ask('Name: ', false, signal));
  const password = await prompt.ask('Password or token: ', true, signal);
  if (name === '' || password === '') throw wrongUsage('A name and a password are needed.');
  return { username: name, password };
}
