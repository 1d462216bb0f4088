/** Text that stands in HTML or SVG for itself. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** An element of SVG or HTML. Its text is escaped, its children are not. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: string | readonly string[] = [],
): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escapeMarkup(String(value))}"`,
  );
  const inner = typeof content === 'string' ? escapeMarkup(content) : content.join('');
  return `<${name}${written.join('')}>${inner}</${name}>`;
}
