import { RegistryError } from '#libs/oci/errors.ts';
import { hostPort, regionName } from '#libs/config/values.ts';
import { quote } from '#libs/oci/quote.ts';

const MAX_LABELS = 16;
const LABEL_NAME = /^[a-z0-9]+([._/-][a-z0-9]+)*$/;
const MAX_LABEL_NAME = 63;
const MAX_LABEL_VALUE = 256;
// eslint-disable-next-line no-control-regex -- these are what a label must not have
const UNPRINTABLE = /[\u0000-\u001f\u007f]/;

/** Throws REQUEST_INVALID. */
export function parseRegionName(text: string): string {
  if (regionName.safeParse(text).success) return text;
  throw invalid(`The region's name is ${quote(text)}; expected ${regionName.description ?? 'a name'}.`);
}

/** Where a region can be reached: a port that is chosen at its start can't be it. Throws REQUEST_INVALID. */
export function parseEndpoint(text: string): string {
  const parsed = hostPort.safeParse(text);
  if (parsed.success && parsed.data.port !== 0) return text;
  throw invalid(
    `The region's endpoint is ${quote(text)}; expected where its replication service answers the other regions (MERIDIAN_PEER_LISTEN as they ` +
      'see it): host:port, such as sa.example.net:5100.',
  );
}

/** Throws REQUEST_INVALID. */
export function parseLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(labels);
  const wrong = entries.find(([name, value]) => !isLabel(name, value));
  if (entries.length <= MAX_LABELS && wrong === undefined) {
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  const what = wrong === undefined ? `${entries.length} labels` : `the label ${quote(wrong[0])}`;
  throw invalid(
    `What came is ${what}; expected at most ${MAX_LABELS} labels, each a name of lower-case letters, digits and single . _ / - between them ` +
      `(at most ${MAX_LABEL_NAME} characters) with a text of at most ${MAX_LABEL_VALUE} characters.`,
  );
}

function isLabel(name: string, value: string): boolean {
  const named = LABEL_NAME.test(name) && name.length <= MAX_LABEL_NAME;
  return named && value.length <= MAX_LABEL_VALUE && !UNPRINTABLE.test(value);
}

function invalid(message: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', message);
}
