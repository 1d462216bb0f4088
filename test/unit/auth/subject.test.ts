import { expect, it } from 'vitest';
import { formatSubject, parseSubject } from '#libs/auth/subject.ts';

it('what has no colon names nobody, however much it looks like a kind', () => {
  for (const text of ['users', 'robots', 'groupie', 'user', 'user:', ':alice', 'everyone', ''])
    expect(() => parseSubject(text), text).toThrow('is not valid: expected user:NAME');
  for (const text of ['user:alice', 'robot:ci', 'group:a/b:c', 'anyone', 'authenticated'])
    expect(formatSubject(parseSubject(text))).toBe(text);
});
