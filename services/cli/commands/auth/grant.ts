import { wrongUsage } from '../../exit.ts';

/** `pull,push:team/**`: what a token or a rule is narrowed to. */
export function parseGrant(text: string): { actions: string[]; repositories: string } {
  const at = text.indexOf(':');
  if (at < 1) throw wrongUsage(`--allow ${text}: expected actions and a pattern, such as pull,push:team/**.`);
  return { actions: text.slice(0, at).split(','), repositories: text.slice(at + 1) };
}
