/** Longest piece of a client's input that is repeated in a message, in characters. */
const MAX_QUOTED_LENGTH = 150;

/** Controls, which terminals obey (those from 0x80 on as well), ends of lines, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** A client's input as it may stand in a message or a log line: quoted, escaped, cut when it is long. */
export function quote(text: string): string {
  if (text.length <= MAX_QUOTED_LENGTH) return escapedAll(JSON.stringify(text));
  return `${escapedAll(JSON.stringify(text.slice(0, MAX_QUOTED_LENGTH)))}… (${text.length} characters)`;
}

/** What another parser says of a client's input, with pieces of it, as it may stand in a message: escaped, cut when it is long. */
export function printable(text: string, maxLength = 2 * MAX_QUOTED_LENGTH): string {
  const cut = text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
  return escapedAll(cut);
}

function escapedAll(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
