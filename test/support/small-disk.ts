import type { FileWriter, StagedBytes, StorageDriver } from '#services/storage/driver.ts';
import { openFilesystemDriver } from '#services/storage/drivers/filesystem/driver.ts';
import type { Layout } from '#services/storage/layout.ts';

/** What a test changes while the disk is in use. */
export interface SmallDisk {
  /** Room for bytes of blobs. */
  freeBytes: number;
  /** False: it can not make them durable. */
  syncs: boolean;
  /** False: something fails after bytes have become a blob. */
  publishes?: boolean;
}

/** A file system that has only so much room, as real ones do: the last write before the end is cut short. */
export async function openSmallDisk(layout: Layout, disk: SmallDisk): Promise<StorageDriver> {
  const driver = await openFilesystemDriver(layout);
  return {
    ...driver,
    publish: async (...args) => {
      await driver.publish(...args);
      if (disk.publishes === false) throw systemError('EIO', 'fsync');
    },
    stage: async (...args) => {
      const staged = await driver.stage(...args);
      /** What of the chunks there is room for. */
      const fitting = (chunks: readonly Uint8Array[]): Uint8Array[] =>
        chunks.map((chunk) => {
          const fits = chunk.subarray(0, Math.max(0, disk.freeBytes));
          disk.freeBytes -= fits.length;
          return fits;
        });
      const through = (writer: FileWriter): FileWriter => ({
        write: async (file, position, chunks) => {
          const fits = fitting(chunks);
          const result = await writer.write(file, position, fits);
          return fits.at(-1)?.length === chunks.at(-1)?.length
            ? result
            : { ...result, failure: systemError('ENOSPC', 'write') };
        },
      });
      const limited: StagedBytes = {
        get size() {
          return staged.size;
        },
        append: async (chunks) => {
          const fits = fitting(chunks);
          await staged.append(fits);
          if (fits.at(-1)?.length !== chunks.at(-1)?.length) throw systemError('ENOSPC', 'write');
        },
        appendThrough: async (writer, chunks) => staged.appendThrough?.(through(writer), chunks),
        flush: async () => {
          if (!disk.syncs) throw systemError('EIO', 'fdatasync');
          await staged.flush();
        },
        read: (buffer, position) => staged.read(buffer, position),
        close: () => staged.close(),
      };
      return limited;
    },
  };
}

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}
