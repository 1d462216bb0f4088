/** Longest piece of a client's input that is repeated in a message, in characters. */
const MAX_QUOTED_LENGTH = 150;

/** Controls, which terminals obey (those from 0x80 on as well), ends of lines, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** As many times longer it may be once it is escaped. */
const MAX_GROWTH = 3;

/** A client's input as it may stand in a message or a log line: quoted, escaped, cut when it is long. */
export function quote(text: string): string {
  const { escaped, isWhole } = cutEscaped(text, MAX_QUOTED_LENGTH, (part) => JSON.stringify(part));
  return isWhole ? escaped : `${escaped}… (${text.length} characters)`;
}

/** What another parser says of a client's input, with pieces of it, as it may stand in a message: escaped, cut when it is long. */
export function printable(text: string, maxLength = 2 * MAX_QUOTED_LENGTH): string {
  const { escaped, isWhole } = cutEscaped(text, maxLength, (part) => part);
  return isWhole ? escaped : `${escaped}…`;
}

/** At most `maxLength` characters, and fewer where they are mostly such as are escaped. */
function cutEscaped(
  text: string,
  maxLength: number,
  written: (part: string) => string,
): { escaped: string; isWhole: boolean } {
  let length = maxLength;
  let escaped = escapedAll(written(text.slice(0, length)));
  while (escaped.length > MAX_GROWTH * maxLength) {
    length = Math.floor(length / 2);
    escaped = escapedAll(written(text.slice(0, length)));
  }
  return { escaped, isWhole: text.length <= length };
}

function escapedAll(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
