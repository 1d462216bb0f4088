const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const STYLING = new RegExp(String.raw`\u001b\[[\d;]*m`, 'g');
/** East Asian wide and full-width forms, and emoji. https://www.unicode.org/reports/tr11/ */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}])/u;
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** Columns of a terminal that the text takes; styling takes none. */
export function displayWidth(text: string): number {
  let columns = 0;
  for (const { segment } of graphemes.segment(text.replaceAll(STYLING, ''))) {
    if (!INVISIBLE.test(segment)) columns += WIDE.test(segment) || segment.includes('\ufe0f') ? 2 : 1;
  }
  return columns;
}

/** Spaces on the right or, for numbers, on the left. Text that is longer stays as it is. */
export function pad(text: string, columns: number, align: 'left' | 'right'): string {
  const spaces = ' '.repeat(Math.max(0, columns - displayWidth(text)));
  return align === 'left' ? text + spaces : spaces + text;
}

/** Without what would make a terminal do more than show it; for text that came over the network. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
