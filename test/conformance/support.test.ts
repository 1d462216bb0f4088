import { describe } from 'vitest';
import { itAnswers, NOTHING, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
const cases: Exchange[] = [
  {
    name: 'GET /v2/ says that the registry is one',
    request: 'GET /v2/',
    status: 200,
    headers: { 'docker-distribution-api-version': 'registry/2.0', 'content-type': 'application/json' },
    body: {},
  },
  { name: 'GET /v2 says so too, without a redirect', request: 'GET /v2', status: 200 },
  { name: 'HEAD /v2/ has no body', request: 'HEAD /v2/', status: 200, body: NOTHING },
  { name: 'POST /v2/ is not supported', request: 'POST /v2/', status: 405, code: 'UNSUPPORTED' },
  { name: 'version 1 of the API is not there', request: 'GET /v1/', status: 404, code: 'NAME_UNKNOWN' },
];

describe.each(routes.filter(({ write, read }) => write === read))(
  'determining support, $name',
  ({ read }) => {
    itAnswers(read, '', cases);
  },
);
