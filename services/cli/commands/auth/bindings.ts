import { z } from 'zod';
import { pathOf } from '../../api/client.ts';
import { requireNoMore } from '../../arguments.ts';
import { prepare, printJson, printTable, type Tools } from '../../command.ts';
import { EXIT, wrongUsage, type ExitCode } from '../../exit.ts';
import { printable } from '../../output/width.ts';

const binding = z.looseObject({
  id: z.string(),
  role: z.string(),
  subject: z.string(),
  repositories: z.string(),
});
const list = z.looseObject({ bindings: z.array(binding) });

/** `meridian auth grant ROLE SUBJECT PATTERN` */
export async function grant(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { positionals, api } = prepare(args, {}, tools);
  const [role, subject, repositories] = positionals;
  requireNoMore(positionals, 3);
  if (role === undefined || subject === undefined || repositories === undefined)
    throw wrongUsage(
      "Expected: meridian auth grant ROLE SUBJECT PATTERN, such as grant developer user:alice 'team/**'.",
    );
  const body = { role, subject, repositories };
  const told = await api.request(binding, 'POST', '/auth/bindings', { body, signal: tools.signal });
  if (tools.json) await printJson(tools, told);
  else
    await tools.out.print(
      `${printable(subject)} is ${printable(role)} on ${printable(repositories)} (${printable(told.id)}).`,
    );
  return EXIT.done;
}

/** `meridian auth revoke ID` */
export async function revoke(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { positionals, api } = prepare(args, {}, tools);
  const [id] = positionals;
  requireNoMore(positionals, 1);
  if (id === undefined)
    throw wrongUsage('Which one? Expected: meridian auth revoke ID, as "meridian auth grants" lists it.');
  await api.request(z.unknown(), 'DELETE', pathOf('auth', 'bindings', id), { signal: tools.signal });
  await tools.out.print(tools.json ? '{}' : `${printable(id)} is revoked.`);
  return EXIT.done;
}

/** `meridian auth grants` */
export async function grants(args: readonly string[], tools: Tools): Promise<ExitCode> {
  const { positionals, api } = prepare(args, {}, tools);
  requireNoMore(positionals, 0);
  const told = await api.request(list, 'GET', '/auth/bindings', { signal: tools.signal });
  if (tools.json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  const columns = ['ID', 'ROLE', 'SUBJECT', 'REPOSITORIES'].map((header) => ({ header }));
  const rows = told.bindings.map(({ id, role, subject, repositories }) =>
    [id, role, subject, repositories].map(printable),
  );
  await printTable(tools, columns, rows);
  return EXIT.done;
}
