import { Filter, FilterParser } from 'ldapts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';

/** What may stand in braces in a filter, for a user's. */
export type Placeholder = 'name' | 'dn';

const PLACEHOLDER = /\{(name|dn)\}/g;

/** The filter with these values, whatever letters they have: none of them is read as a part of the filter. https://www.rfc-editor.org/rfc/rfc4515#section-3 */
export function fillFilter(template: string, values: Readonly<Partial<Record<Placeholder, string>>>): string {
  return template.replaceAll(PLACEHOLDER, (_all, key: Placeholder) => Filter.escape(values[key] ?? ''));
}

/** Throws REQUEST_INVALID unless it is a filter that has one of the placeholders and no others. */
export function requireFilter(template: string, allowed: readonly Placeholder[]): void {
  const used = [...template.matchAll(PLACEHOLDER)].map(([, key]) => key as Placeholder);
  const wanted = allowed.map((key) => `{${key}}`).join(' or ');
  if (used.length === 0 || used.some((key) => !allowed.includes(key))) {
    throw new RegistryError('REQUEST_INVALID', `The filter ${quote(template)} should have ${wanted} in it.`);
  }
  try {
    FilterParser.parseString(fillFilter(template, { name: 'name', dn: 'cn=name' }));
  } catch (cause) {
    throw new RegistryError(
      'REQUEST_INVALID',
      `The filter ${quote(template)} can't be read; expected one such as (&(objectClass=person)(uid={name})).`,
      { cause },
    );
  }
}
