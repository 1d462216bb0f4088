import type { Tools } from '../../command.ts';
import { wrongUsage } from '../../exit.ts';

/** Asks for a new password, of people twice. */
export async function askNewPassword({ prompt, err, signal }: Tools): Promise<string> {
  const password = await prompt.ask('New password: ', true, signal);
  if (password === '') throw wrongUsage('A password is needed: typed, or as a line of standard input.');
  if (!err.isInteractive || !prompt.isInteractive) return password;
  if ((await prompt.ask('The same once more: ', true, signal)) === password) return password;
  throw wrongUsage('The two passwords are not the same.');
}
