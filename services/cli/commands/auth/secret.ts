import { connectApi } from '../../api/client.ts';
import { credentialsFor } from '../../api/credentials.ts';
import { parseArguments, requireNoMore } from '../../arguments.ts';
import { registryOf, type Tools } from '../../command.ts';
import { EXIT, Exit, type ExitCode } from '../../exit.ts';

/** `meridian auth secret`: what "meridian login" kept, for other programs to log in with. */
export async function secret(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { values, positionals } = parseArguments(args, {});
  requireNoMore(positionals, 0);
  const { url } = connectApi(registryOf(values, tools));
  const credentials = credentialsFor(url, tools.env);
  if (credentials === undefined)
    throw new Exit(EXIT.notSo, `Nobody is logged in to ${url}; see "meridian login".`);
  await tools.out.print(credentials.password);
  return EXIT.done;
}
