/** Less is not worth pages of its own. */
const LEAST_BYTES = 64 * 1024;

/**
 * Memory for the kernel to copy to, as when it reads a file, that is kept and used again: it begins with a page. The copy is one instruction,
 * which takes four times as long on some processors where it goes to anything but a multiple of 32 bytes (AMD EPYC: 2.5 instead of
 * 10 GB/s), and large memory from malloc begins 16 bytes after one. Memory that can be resized does not come from malloc, and
 * costs more to get. What is in it at first is zero or, where it is small, anything.
 */
export function alignedBuffer(bytes: number): Buffer {
  if (bytes < LEAST_BYTES) return Buffer.allocUnsafeSlow(bytes);
  return Buffer.from(new ArrayBuffer(bytes, { maxByteLength: bytes }), 0, bytes);
}
