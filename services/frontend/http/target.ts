const ABSOLUTE = /^https?:\/\/[^/?#]+(?=[/?]|$)/i;

/**
 * A request's target as a path with its query: the absolute form, as proxies get it, loses its host, and what is neither becomes a path that
 * no route has. What comes after this can rely on a leading slash.
 * https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
export function originForm(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  const rest = target.replace(ABSOLUTE, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}
