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
      /** What of the chunks there is room for, and the failure where that isn't all. */
      const fitting = (chunks: readonly Uint8Array[]): { fits: Uint8Array[]; failure?: Error } => {
        const fits = chunks.map((chunk) => {
          const part = chunk.subarray(0, Math.max(0, disk.freeBytes));
          disk.freeBytes -= part.length;
          return part;
        });
        const isAll = fits.at(-1)?.length === chunks.at(-1)?.length;
        return isAll ? { fits } : { fits, failure: systemError('ENOSPC', 'write') };
      };
      const through = (writer: FileWriter): FileWriter => ({
        write: async (file, position, chunks) => {
          const { fits, ...shortage } = fitting(chunks);
          return { ...(await writer.write(file, position, fits)), ...shortage };
        },
      });
      const limited: StagedBytes = {
        get size() {
          return staged.size;
        },
        append: async (chunks) => {
          const { fits, failure } = fitting(chunks);
          await staged.append(fits);
          if (failure !== undefined) throw failure;
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
