import { z } from 'zod';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, type Tools } from '../../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../../exit.ts';
import { countOf } from '../../output/format.ts';

const answer = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string() })) });

/** `meridian auth keys rotate [--drop-all]` */
export async function keys(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { values, positionals, api } = prepare(args, { 'drop-all': { type: 'boolean' } }, tools);
  if (positionals[0] !== 'rotate') throw wrongUsage('Expected: meridian auth keys rotate [--drop-all].');
  requireNoMore(positionals, 1);
  const body = { dropAll: values['drop-all'] === true };
  const told = await api.request(answer, 'POST', '/auth/keys/rotation', { body, signal: tools.signal });
  if (tools.json) await printJson(tools, told);
  else
    await tools.out.print(`Tokens are signed with the next key. ${countOf(told.keys.length, 'key')} verify.`);
  return EXIT.done;
}
