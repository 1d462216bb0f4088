import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { findClient } from '#test/support/client-program.ts';
import { REGIONS } from '#test/support/cluster.ts';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import {
  CHART_CONFIG,
  CHART_LAYER,
  makeChart,
  PROVENANCE_LAYER,
  writeChart,
  writeChartLayout,
} from '#test/support/helm-chart.ts';
import type { LayoutDescriptor } from '#test/support/oci-layout.ts';
import { pull, push, send } from '#test/support/registry-client.ts';

const helm = findClient('helm', ['version']);
const PLAIN = '--plain-http';

describe('Helm charts across regions', () => {
  const { registry, path, digestIn } = clientSuite('helm');

  it('are kept as helm pushes them: the media types of config, chart and provenance, and the annotations', async () => {
    const chart = await makeChart('stored', '0.1.0');
    const { digest } = await writeChartLayout(path('stored'), chart);
    await push(registry('us'), 'helm/stored', '0.1.0', path('stored'));
    for (const region of REGIONS) {
      const answer = await send(registry(region), 'GET', '/v2/helm/stored/manifests/0.1.0', {
        headers: { accept: OCI_MANIFEST },
      });
      expect(answer.headers).toMatchObject({ 'content-type': OCI_MANIFEST, 'docker-content-digest': digest });
      const manifest = JSON.parse(answer.body.toString()) as {
        config: LayoutDescriptor;
        layers: LayoutDescriptor[];
      };
      expect(manifest).toMatchObject({
        config: { mediaType: CHART_CONFIG },
        layers: [{ mediaType: CHART_LAYER }, { mediaType: PROVENANCE_LAYER }],
        annotations: { 'org.opencontainers.image.version': '0.1.0' },
      });
      const archive = `/v2/helm/stored/blobs/${String(manifest.layers[0]?.digest)}`;
      expect((await send(registry(region), 'GET', archive)).body.equals(chart.archive)).toBe(true);
      expect((await pull(registry(region), 'helm/stored', digest)).digest).toBe(digest);
    }
  });

  describe.skipIf(!helm.usable)(`with helm${helm.leftOut}`, () => {
    let env: Record<string, string>;
    const run = (...args: string[]): Promise<string> => helm.run(args, { env });
    beforeAll(() => {
      const folders = ['HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME'];
      env = Object.fromEntries(folders.map((folder) => [folder, path(folder)]));
    });

    it('are pushed with their provenance in one region, and pulled from the others', async () => {
      const chart = await makeChart('demo', '0.1.0');
      await run('push', PLAIN, await writeChart(path(), chart), `oci://${registry('us')}/helm`);
      for (const region of REGIONS) {
        const to = path(`pulled-from-${region}`);
        await mkdir(to);
        const from = `oci://${registry(region)}/helm/demo`;
        await run('pull', PLAIN, '--prov', '--version', '0.1.0', '--destination', to, from);
        expect((await readFile(join(to, 'demo-0.1.0.tgz'))).equals(chart.archive)).toBe(true);
        expect((await readFile(join(to, 'demo-0.1.0.tgz.prov'))).equals(chart.provenance)).toBe(true);
      }
    });

    it('are found by a range of versions, through the tags that another region lists', async () => {
      for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
        const archive = await writeChart(path(), await makeChart('ranged', version));
        await run('push', PLAIN, archive, `oci://${registry('us')}/helm`);
      }
      const chart = `oci://${registry('ap')}/helm/ranged`;
      // Lists may be behind by a moment.
      await expect
        .poll(() => run('show', 'chart', PLAIN, '--version', '^1.0', chart), SOON)
        .toContain('version: 1.1.0');
    });

    it('are the same artifact to helm where another client pushed them', async () => {
      const chart = await makeChart('other', '3.0.0');
      await writeChartLayout(path('other'), chart);
      await push(registry('eu'), 'helm/other', '3.0.0', path('other'));
      const shown = await run('show', 'chart', PLAIN, `oci://${registry('ap')}/helm/other`);
      expect(shown).toContain('description: The chart other');
      expect(await digestIn('us', 'helm/other', '3.0.0')).toMatch(/^sha256:/);
    });
  });
});
