import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '#libs/oci/mediatype.ts';

/** Writes a small image as an OCI image layout (image-spec: image-layout.md), so that there is something to push at once. */
export function writeExampleImage(dir: string, tag: string): void {
  mkdirSync(join(dir, 'blobs', 'sha256'), { recursive: true });
  const layer = tarOfOneFile('hello.txt', 'Pushed in one region, pulled in another.\n');
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { 'org.opencontainers.image.title': 'Meridian example' } },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: writeBlob(dir, OCI_CONFIG, Buffer.from(JSON.stringify(config))),
    layers: [writeBlob(dir, OCI_LAYER_GZIP, gzipSync(layer))],
  };
  const descriptor = writeBlob(dir, OCI_MANIFEST, Buffer.from(JSON.stringify(manifest)));
  const named = { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } };
  writeFileSync(join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
}

function writeBlob(
  dir: string,
  mediaType: string,
  bytes: Buffer,
): { mediaType: string; digest: string; size: number } {
  const digest = digestOf(bytes);
  writeFileSync(join(dir, 'blobs', digest.replace(':', '/')), bytes);
  return { mediaType, digest, size: bytes.length };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A tar archive (POSIX ustar) of one small text file. */
function tarOfOneFile(name: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(Buffer.byteLength(text), 11), 124);
  header.write(octal(0, 11), 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  const content = Buffer.alloc(512);
  content.write(text);
  return Buffer.concat([header, content, Buffer.alloc(1024)]);
}
