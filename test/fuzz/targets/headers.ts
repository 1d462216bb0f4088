import assert from 'node:assert/strict';
import { parseDigest } from '#libs/oci/digest.ts';
import { nextLink, parsePageSize } from '#libs/oci/link.ts';
import { isMediaType, parseMediaType } from '#libs/oci/mediatype.ts';
import { parseContentRange, parseRange } from '#libs/oci/range.ts';
import { MAX_WARNING_BYTES, warning } from '#libs/oci/warning.ts';
import {
  allowsRange,
  isNotModified,
  readCondition,
  requireMatch,
} from '#services/frontend/http/conditions.ts';
import { parseDuration } from '#services/frontend/http/duration.ts';
import { parseMinRevision } from '#services/frontend/http/freshness.ts';
import { originForm } from '#services/frontend/http/target.ts';
import type { Target } from '../target.ts';
import { parsed } from './outcome.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const MAX = Number.MAX_SAFE_INTEGER;

export const HEADER_TARGETS: readonly Target[] = [
  {
    name: 'range',
    seeds: ['bytes=0-9', 'bytes=5-', 'bytes=-5', 'bytes=0-0,2-3', ' BYTES=1-2 '],
    tokens: ['bytes=', '-', ',', '0', '9', String(MAX), ' '],
    check: (input) => {
      for (const size of [0, 1, 10, MAX]) {
        const range = parsed(() => parseRange(input.toString(), size), 'RANGE_INVALID');
        if (range === undefined) continue;
        const { offset, length } = range;
        assert.ok(Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length > 0);
        assert.ok(offset + length <= size, `${offset}+${length} of ${size}`);
      }
    },
  },
  {
    name: 'content-range',
    seeds: ['0-9', 'bytes 0-9/10', 'bytes=0-9/*'],
    tokens: ['bytes ', 'bytes=', '-', '/', '/*', String(MAX), '0'],
    check: (input) => {
      const chunk = parsed(() => parseContentRange(input.toString()), 'RANGE_INVALID');
      if (chunk === undefined) return;
      assert.ok(Number.isSafeInteger(chunk.end) && chunk.start >= 0 && chunk.start <= chunk.end);
      assert.deepEqual(parseContentRange(`${chunk.start}-${chunk.end}`), chunk);
    },
  },
  {
    name: 'link',
    seeds: ['team/app', 'a b&c', '>; rel="x"'],
    tokens: ['<', '>', '"', ';', ',', '\r\n', '&', '=', '%', '#', 'é'],
    check: (input) => {
      const last = input.toString();
      const [, target = ''] =
        /^<([!-;=?-~]*)>; rel="next"$/.exec(nextLink('/v2/a/tags/list', { n: 5, last })) ?? [];
      const { pathname, searchParams } = new URL(target, 'http://registry');
      assert.deepEqual(
        [pathname, [...searchParams]],
        [
          '/v2/a/tags/list',
          [
            ['n', '5'],
            ['last', last],
          ],
        ],
      );
    },
  },
  {
    name: 'page-size',
    seeds: ['1', '10000', '99999999999999999999'],
    tokens: ['0', '9', '-', '+', 'e', '.'],
    check: (input) => {
      const size = parsed(() => parsePageSize(input.toString(), 1000), 'PAGINATION_NUMBER_INVALID');
      if (size !== undefined) assert.ok(Number.isInteger(size) && size >= 0 && size <= 1000);
    },
  },
  {
    name: 'media-type',
    seeds: ['application/vnd.oci.image.manifest.v1+json', 'a/b; charset="x;y"'],
    tokens: ['/', '+', ';', '.', ' ', '*', ',', '; q=1'],
    check: (input) => {
      const type = parsed(() => parseMediaType(input.toString()), 'MANIFEST_INVALID');
      if (type !== undefined) assert.ok(isMediaType(type) && parseMediaType(type) === type);
    },
  },
  {
    name: 'conditions',
    seeds: ['*', `"${DIGEST}"`, `W/"${DIGEST}", "x"`, DIGEST],
    tokens: ['"', ',', 'W/', '*', DIGEST, ' '],
    check: (input) => {
      const text = input.toString('latin1');
      const digest = parseDigest(DIGEST);
      parsed(() => requireMatch(text, digest), 'PRECONDITION_FAILED');
      const isNamed = text.includes(digest) || text.trim() === '*';
      assert.ok(isNamed || !isNotModified(text, digest));
      assert.ok(text.includes(digest) || !allowsRange(text, digest));
      const condition = parsed(() => readCondition('If-Match', text), 'REQUEST_INVALID');
      if (condition !== undefined && condition !== '*') assert.equal(parseDigest(condition), condition);
    },
  },
  {
    name: 'warning',
    seeds: ['plain', 'with "quotes" and \\'],
    tokens: ['"', '\\', '\r\n', 'é', '\u2028'],
    check: (input) => {
      const value = warning(input.toString());
      assert.ok(value.length <= MAX_WARNING_BYTES);
      assert.match(value, /^299 - "(?:[ !#-[\]-~]|\\["\\])*"$/);
    },
  },
  {
    name: 'duration-of-query',
    seeds: ['500ms', '30s', '5m'],
    tokens: ['ms', 's', 'm', '0', '9'],
    check: (input) => {
      const ms = parsed(() => parseDuration('wait', input.toString(), 600_000), 'REQUEST_INVALID');
      if (ms !== undefined) assert.ok(Number.isInteger(ms) && ms >= 0 && ms <= 600_000);
    },
  },
  {
    name: 'min-revision',
    seeds: ['abc:1', 'a.b_c-d:999999999999999'],
    tokens: [':', '0', '9', '-'],
    check: (input) => {
      const [id, revision] = parsed(() => parseMinRevision(input.toString()), 'REQUEST_INVALID') ?? ['', 0];
      assert.ok(Number.isSafeInteger(revision) && revision >= 0 && id.length <= 128);
    },
  },
  {
    name: 'request-target',
    seeds: ['/v2/', 'http://h:1/v2/?x', '*', 'HTTPS://a@b', '//x'],
    tokens: ['http://', 'https://', '/', '//', '?', '#', '@', '*'],
    check: (input) => {
      const path = originForm(input.toString('latin1'));
      assert.ok(path.startsWith('/') || path === '*');
      assert.equal(originForm(path), path);
    },
  },
];
