import { z } from 'zod';
import { connectApi } from '../api/client.ts';
import { credentialsOfEnv, keepCredentials, type Credentials } from '../api/credentials.ts';
import { parseArguments, requireNoMore } from '../arguments.ts';
import { printJson, registryOf, type Command, type Tools } from '../command.ts';
import { EXIT, wrongUsage } from '../exit.ts';
import { printable } from '../output/width.ts';

const loginHelp = `Usage: meridian login [--username NAME]
       meridian login --username NAME < password-file

Logs in to a registry that asks for it, and keeps name and password in a file that only you can read
(~/.config/meridian/credentials.json) until "meridian logout". The password, or a token in its place, is asked for, or read
from standard input or from the file that MERIDIAN_PASSWORD_FILE names; with MERIDIAN_USERNAME, commands need no login.

  --username NAME  who; asked for without it`;

const logoutHelp = `Usage: meridian logout

Forgets the name and password that "meridian login" kept for the registry.`;

export const login: Command = {
  name: 'login',
  summary: 'log in to a registry, and keep the credentials',
  help: loginHelp,
  run: async (args, tools) => {
    const { values, positionals } = parseArguments(args, { username: { type: 'string' } });
    requireNoMore(positionals, 0);
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
