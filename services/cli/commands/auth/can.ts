import { z } from 'zod';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, type Tools } from '../../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../../exit.ts';
import { printable } from '../../output/width.ts';

const answer = z.looseObject({ allowed: z.boolean(), because: z.string() });
/** Of the registry itself: no repository follows these. */
const REGISTRY_ACTIONS = ['operate', 'administer'];
const ACTIONS = ['see', 'pull', 'push', 'retag', 'delete', 'settings', ...REGISTRY_ACTIONS];

/** `meridian auth can [WHO] ACTION [REPOSITORY]`: exit code 0 if so, 1 if not. */
export async function can(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { positionals, api } = prepare(args, {}, tools);
  const [first = ''] = positionals;
  // Oneself, where an action comes first and no other follows it.
  const isSelf = ACTIONS.includes(first) && !ACTIONS.includes(positionals[1] ?? '');
  const [who, action, repository] = isSelf ? [undefined, ...positionals] : positionals;
  requireNoMore(positionals, isSelf ? 2 : 3);
  if (action === undefined) throw wrongUsage('Expected: meridian auth can [WHO] ACTION [REPOSITORY].');
  const query = [
    ['action', action],
    ...(who === undefined ? [] : [['identity', who]]),
    ...(repository === undefined ? [] : [['repository', repository]]),
  ] as [string, string][];
  const told = await api.request(answer, 'GET', '/auth/can', { query, signal: tools.signal });
  if (tools.json) await printJson(tools, told);
  else await tools.out.print(`${told.allowed ? 'yes' : 'no'}: ${printable(told.because)}`);
  return told.allowed ? EXIT.done : EXIT.notSo;
}
