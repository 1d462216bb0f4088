import { z } from 'zod';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, type Tools } from '../../command.ts';
import { EXIT, type ExitCode } from '../../exit.ts';
import { printable } from '../../output/width.ts';

const self = z.looseObject({ name: z.string(), kind: z.string(), groups: z.array(z.string()) });

/** `meridian auth whoami` */
export async function whoami(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { positionals, api } = prepare(args, {}, tools);
  requireNoMore(positionals, 0);
  const told = await api.request(self, 'GET', '/auth/self', { signal: tools.signal });
  const groups = told.groups.length === 0 ? '' : `, in ${told.groups.join(', ')}`;
  if (tools.json) await printJson(tools, told);
  else await tools.out.print(printable(`${told.kind} ${told.name}${groups}`));
  return EXIT.done;
}
