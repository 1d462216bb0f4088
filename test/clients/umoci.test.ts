import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeBuildContext } from '#test/support/build-context.ts';
import { findClient } from '#test/support/client-program.ts';
import { clientSuite } from '#test/support/client-suite.ts';
import { verifyLayout } from '#test/support/oci-layout.ts';
import { hasSkopeo, skopeo, skopeoLeftOut } from '#test/support/skopeo.ts';

const umoci = findClient('umoci');

describe.skipIf(!umoci.usable || !hasSkopeo)(
  `umoci, with skopeo, across regions${umoci.leftOut || skopeoLeftOut}`,
  () => {
    const { registry, path, digestIn } = clientSuite('umoci');
    beforeAll(() => writeBuildContext(path('context'), 'umoci', 1_000_000));

    it('makes an image, and unpacks from another region what it has put into it', async () => {
      const made = path('made');
      await umoci.run(['init', '--layout', made]);
      await umoci.run(['new', '--image', `${made}:1.0`]);
      await umoci.run([
        ...['insert', '--rootless', '--image', `${made}:1.0`],
        ...[path('context', 'content'), '/content'],
      ]);
      await umoci.run(['config', '--image', `${made}:1.0`, '--config.cmd', '/content']);
      const pushed = `docker://${registry('us')}/umoci/made:1.0`;
      await skopeo('copy', '--dest-tls-verify=false', `oci:${made}:1.0`, pushed);

      const pulled = path('pulled');
      const from = `docker://${registry('ap')}/umoci/made:1.0`;
      await skopeo('copy', '--src-tls-verify=false', from, `oci:${pulled}:1.0`);
      expect((await umoci.run(['list', '--layout', pulled])).trim()).toBe('1.0');
      const { digest } = await verifyLayout(pulled);
      expect(await digestIn('eu', 'umoci/made', '1.0')).toBe(digest);
      await umoci.run(['unpack', '--rootless', '--image', `${pulled}:1.0`, path('bundle')]);
      const unpacked = await readFile(path('bundle', 'rootfs', 'content'));
      expect(unpacked.equals(await readFile(path('context', 'content')))).toBe(true);
    });
  },
);
