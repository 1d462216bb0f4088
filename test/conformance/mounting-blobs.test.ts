import { describe, it } from 'vitest';
import { digestOf, piece, pushBlob, seededBlob, type Piece } from '#test/support/content.ts';
import { exchange, itAnswers, NOTHING } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';
import { takeSteps } from '#test/support/upload-steps.ts';

const SESSION = /\/blobs\/uploads\/.+/;

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#mounting-a-blob-from-another-repository
describe.each(routes)('mounting blobs, $name', (route) => {
  const from = route.repository('conformance/mounting-from');
  const to = route.repository('conformance/mounting-to');
  const pull = async (blob: Piece): Promise<void> => {
    const request = `GET /v2/<name>/blobs/${blob.digest}`;
    await exchange(route.read, to, { name: 'pull', request, status: 200, body: blob.bytes });
  };

  it.each(['sha256', 'sha512'] as const)(
    'takes a blob over from another repository, %s',
    async (algorithm) => {
      const blob = piece(seededBlob(from, 20_000), 'x/y', algorithm);
      await pushBlob(route.write, from, blob);
      await exchange(route.read, to, {
        name: 'mount',
        request: `POST /v2/<name>/blobs/uploads/?mount=${blob.digest}&from=${from}`,
        status: 201,
        headers: { location: `/v2/<name>/blobs/${blob.digest}`, 'docker-content-digest': blob.digest },
        body: NOTHING,
      });
      await pull(blob);
    },
  );

  it('takes a blob over from any repository that has it, where none is named', async () => {
    const blob = piece(seededBlob(`${from}/anonymous`, 20_000), 'x/y');
    await pushBlob(route.write, from, blob);
    await exchange(route.read, to, {
      name: 'mount',
      request: `POST /v2/<name>/blobs/uploads/?mount=${blob.digest}`,
      status: 201,
      headers: { location: `/v2/<name>/blobs/${blob.digest}`, 'docker-content-digest': blob.digest },
      body: NOTHING,
    });
    await pull(blob);
  });

  it('opens an upload where the other repository has no such blob, and takes the blob there', async () => {
    const blob = piece(seededBlob(`${from}/absent`, 2000), 'x/y');
    const mount = `POST /v2/<name>/blobs/uploads/?mount=${blob.digest}&from=${from}`;
    await takeSteps([route.write, route.read], to, [
      { request: mount, status: 202, headers: { location: SESSION, range: '0-0' } },
      { request: `PUT <location>?digest=${blob.digest}`, sent: { body: blob.bytes }, status: 201 },
    ]);
    await pull(blob);
  });

  itAnswers(route.write, to, [
    {
      name: 'opens an upload where there is no such repository',
      request: `POST /v2/<name>/blobs/uploads/?mount=${digestOf('x')}&from=conformance/none`,
      status: 202,
      headers: { location: SESSION },
    },
    {
      name: 'opens an upload where no repository has the blob and none is named',
      request: `POST /v2/<name>/blobs/uploads/?mount=${digestOf(`none ${to}`)}`,
      status: 202,
      headers: { location: SESSION },
    },
    {
      name: 'refuses to mount from what is no name',
      request: `POST /v2/<name>/blobs/uploads/?mount=${digestOf('x')}&from=No_Name`,
      status: 400,
      code: 'NAME_INVALID',
    },
  ]);
});
