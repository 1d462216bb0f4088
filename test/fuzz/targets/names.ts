import assert from 'node:assert/strict';
import { parsePrincipalName, isGroupName } from '#libs/auth/names.ts';
import { formatSubject, parseSubject } from '#libs/auth/subject.ts';
import { matchesName, parseNamePattern } from '#libs/oci/name-pattern.ts';
import { parseDigest, algorithmOf, hexOf } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { formatReference, parseReference } from '#libs/oci/reference.ts';
import { parseUploadId } from '#libs/upload-id.ts';
import type { Target } from '../target.ts';
import { parsed } from './outcome.ts';

const HEX = 'a'.repeat(64);

export const NAME_TARGETS: readonly Target[] = [
  {
    name: 'repository-name',
    seeds: ['team/app', 'a.b/c__d/e--f', 'a'.repeat(255)],
    tokens: ['/', '.', '_', '__', '-', '--', 'a', '9', '..', '//'],
    check: (input) => {
      const text = input.toString();
      const name = parsed(() => parseRepositoryName(text), 'NAME_INVALID');
      if (name === undefined) return;
      assert.equal(name, text);
      assert.equal(encodeURI(name), text, 'it needs no encoding');
      assert.ok(!name.split('/').some((part) => part === '' || part === '.' || part === '..'));
    },
  },
  {
    name: 'reference',
    seeds: ['latest', 'v1.0', `sha256:${HEX}`, `sha512:${HEX}${HEX}`],
    tokens: ['sha256:', 'sha512:', HEX, ':', '.', '_', '-', 'A'],
    check: (input) => {
      const text = input.toString();
      const reference = parsed(() => parseReference(text), 'TAG_INVALID', 'DIGEST_INVALID');
      if (reference === undefined) return;
      assert.equal(formatReference(reference), text);
      assert.equal(reference.kind === 'digest', text.includes(':'));
      assert.ok(!text.includes('/') && text !== '.' && text !== '..');
    },
  },
  {
    name: 'digest',
    seeds: [`sha256:${HEX}`, `sha512:${HEX}${HEX}`, 'md5:00'],
    tokens: ['sha256:', 'sha512:', 'SHA256:', HEX, ':', 'g', 'A', '__proto__:'],
    check: (input) => {
      const text = input.toString();
      const digest = parsed(() => parseDigest(text), 'DIGEST_INVALID');
      if (digest === undefined) return;
      assert.equal(`${algorithmOf(digest)}:${hexOf(digest)}`, text);
      assert.equal(Buffer.from(hexOf(digest), 'hex').toString('hex'), hexOf(digest));
    },
  },
  {
    name: 'name-pattern',
    seeds: ['team/**\nteam/app', '*/*-dev\nteam/app-dev', '**\na/b/c', 'a/**/b\na/x/y/b'],
    tokens: ['*', '**', '/', '/**', '\n', 'a', 'ab', '**/'],
    maxSteps: (bytes) => 10_000 + 20 * bytes * bytes,
    check: (input) => {
      const [wanted = '', text = ''] = input.toString().split('\n');
      const pattern = parsed(() => parseNamePattern(wanted), 'REQUEST_INVALID');
      const name = parsed(() => parseRepositoryName(text), 'NAME_INVALID');
      if (pattern === undefined || name === undefined) return;
      assert.equal(matchesName(pattern, name), fits(pattern.split('/'), name.split('/')));
    },
  },
  {
    name: 'principal-name',
    seeds: ['alice', 'ci-build', 'a@b.c', 'Group:/x'],
    tokens: ['@', '+', '.', ':', '/', '-', '_'],
    check: (input) => {
      const text = input.toString();
      const name = parsed(() => parsePrincipalName(text), 'REQUEST_INVALID');
      // It stands in Basic credentials before a colon, and is the last part of a key in etcd.
      if (name !== undefined) assert.ok(name === text && !/[:/\s]/.test(name) && isGroupName(name));
    },
  },
  {
    name: 'subject',
    seeds: ['user:alice', 'robot:ci', 'group:a/b:c', 'anyone', 'authenticated'],
    tokens: ['user:', 'robot:', 'group:', 'anyone', 'authenticated', ':'],
    check: (input) => {
      const text = input.toString();
      const subject = parsed(() => parseSubject(text), 'REQUEST_INVALID');
      if (subject !== undefined) assert.equal(formatSubject(subject), text);
    },
  },
  {
    name: 'upload-id',
    seeds: ['us.AAAA.BBBB', 'us-east-1.a_b-c.d'],
    tokens: ['.', '..', '-', '_', 'us.'],
    check: (input) => {
      const text = input.toString();
      const id = parsed(() => parseUploadId(text), 'BLOB_UPLOAD_UNKNOWN');
      if (id === undefined) return;
      assert.equal(`${id.region}.${id.random}.${id.mac}`, text);
      // It is the name of a file.
      assert.ok(!text.includes('/') && !text.startsWith('.'));
    },
  },
];

/** The same as `matchesName` says, by trying everything. */
function fits(pattern: readonly string[], name: readonly string[]): boolean {
  const [wanted, ...rest] = pattern;
  const [part, ...others] = name;
  if (wanted === undefined) return part === undefined;
  if (wanted === '**' && rest.length === 0) return name.length > 0;
  if (wanted === '**') return fits(rest, name) || (part !== undefined && fits(pattern, others));
  return part !== undefined && fitsPart(wanted, part) && fits(rest, others);
}

function fitsPart(wanted: string, part: string): boolean {
  const [first] = wanted;
  if (first === undefined) return part === '';
  if (first !== '*') return part.startsWith(first) && fitsPart(wanted.slice(1), part.slice(1));
  return fitsPart(wanted.slice(1), part) || (part !== '' && fitsPart(wanted, part.slice(1)));
}
