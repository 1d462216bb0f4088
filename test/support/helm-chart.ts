import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { writeManifestLayout, type LayoutDescriptor } from './oci-layout.ts';
import { tarOf } from './tar.ts';

/* A chart as an OCI artifact: https://helm.sh/docs/topics/registries/#oci-registry-support-in-helm */
export const CHART_CONFIG = 'application/vnd.cncf.helm.config.v1+json';
export const CHART_LAYER = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';
export const PROVENANCE_LAYER = 'application/vnd.cncf.helm.chart.provenance.v1.prov';

export interface Chart {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** What `helm package` would make of it. */
  readonly archive: Buffer;
  /** What `helm package --sign` would put beside it. */
  readonly provenance: Buffer;
}

export async function makeChart(name: string, version: string): Promise<Chart> {
  const description = `The chart ${name}`;
  const yaml = Buffer.from(
    `apiVersion: v2\nname: ${name}\nversion: ${version}\ndescription: ${description}\n`,
  );
  const archive = gzipSync(await buffer(tarOf(`${name}/Chart.yaml`, yaml.length, [yaml])));
  const provenance = Buffer.from(`-----BEGIN PGP SIGNED MESSAGE-----\n\n${yaml.toString()}`);
  return { name, version, description, archive, provenance };
}

/** The archive and its provenance as `helm push` looks for them; gives the archive's path. */
export async function writeChart(dir: string, { name, version, ...chart }: Chart): Promise<string> {
  const path = join(dir, `${name}-${version}.tgz`);
  await writeFile(path, chart.archive);
  await writeFile(`${path}.prov`, chart.provenance);
  return path;
}

/** The manifest and blobs that `helm push` makes of a chart, as an OCI layout. */
export function writeChartLayout(dir: string, chart: Chart): Promise<LayoutDescriptor> {
  const { name, version, description, archive, provenance } = chart;
  return writeManifestLayout(dir, version, {
    config: {
      mediaType: CHART_CONFIG,
      bytes: Buffer.from(JSON.stringify({ name, version, description, apiVersion: 'v2' })),
    },
    layers: [
      { mediaType: CHART_LAYER, bytes: archive },
      { mediaType: PROVENANCE_LAYER, bytes: provenance },
    ],
    annotations: {
      'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
      'org.opencontainers.image.description': description,
      'org.opencontainers.image.title': name,
      'org.opencontainers.image.version': version,
    },
  });
}
