/** Longest piece of a client's input that is repeated in a message, in characters. */
const MAX_QUOTED_LENGTH = 150;

/** A client's input as it may stand in a message or a log line: quoted, escaped, cut when it is long. */
export function quote(text: string): string {
  if (text.length <= MAX_QUOTED_LENGTH) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, MAX_QUOTED_LENGTH))}… (${text.length} characters)`;
}
