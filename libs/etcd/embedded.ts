/** The name under which the embedded coordinator is the only member of its cluster. */
export const EMBEDDED_MEMBER = 'meridian-embedded-coordinator';
