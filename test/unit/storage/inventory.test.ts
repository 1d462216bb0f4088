import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { figuresOf } from '#libs/summary-tree.ts';
import { countInventory, type Inventory } from '#services/storage/blobs/inventory.ts';
import type { HeldBlob } from '#services/storage/driver.ts';

const blob = (text: string): HeldBlob => ({ digest: digestOf(Buffer.from(text)), size: text.length });
const [old, fresh] = [blob('old'), blob('fresh')];
const never = new AbortController().signal;

describe('the inventory', () => {
  it('counts a blob once that can be seen before its publishing has ended', async () => {
    const held = new Set([old]);
    const inventory = inventoryOf(held);
    await inventory.adding(fresh, async () => {
      held.add(fresh);
      await oneLook();
    });
    await inventory.counted;
    expect(inventory.totals()).toEqual({ blobs: 2, bytes: old.size + fresh.size });
    expect(inventory.summary.hash('')).toBe(figuresOf(held).hash);
  });

  it('counts nothing for a publishing that failed', async () => {
    const inventory = inventoryOf(new Set([old]));
    const failing = inventory.adding(fresh, () => Promise.reject(new Error('The disk is full.')));
    await expect(failing).rejects.toThrow('The disk is full.');
    await inventory.counted;
    expect(inventory.totals()).toEqual({ blobs: 1, bytes: old.size });
  });

  it('takes off what is removed while it counts again, once', async () => {
    const held = new Set([old, fresh]);
    const inventory = inventoryOf(held);
    await inventory.counted;
    const before = inventory.losses();
    await inventory.removing(fresh, async () => {
      held.delete(fresh);
      await inventory.recount(never);
    });
    expect(inventory.totals()).toEqual({ blobs: 1, bytes: old.size });
    expect(inventory.losses()).toBe(before + 1);
  });

  it('finds by itself what went behind its back', async () => {
    const held = new Set([old, fresh]);
    const inventory = inventoryOf(held, 256);
    await inventory.counted;
    const before = inventory.losses();
    held.delete(old);
    await expect.poll(() => inventory.totals(), { timeout: 20_000 }).toEqual({ blobs: 1, bytes: fresh.size });
    expect(inventory.losses()).toBe(before + 1);
    expect(inventory.summary.hash('')).toBe(figuresOf(held).hash);
  });

  it('is right again after a blob was removed with another size than it was counted with', async () => {
    const held = new Set([old, fresh]);
    const inventory = inventoryOf(held);
    await inventory.counted;
    await inventory.removing({ ...fresh, size: 1 }, async () => void held.delete(fresh));
    await inventory.recount(never, fresh.digest);
    expect(inventory.totals()).toEqual({ blobs: 1, bytes: old.size });
    expect(inventory.summary.hash('')).toBe(figuresOf(held).hash);
  });
});

function inventoryOf(held: ReadonlySet<HeldBlob>, recountIntervalMs = 1e9): Inventory {
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const reader = {
    list: async function* (_: AbortSignal, prefix = ''): AsyncGenerator<HeldBlob, void, undefined> {
      await oneLook();
      yield* [...held].filter(({ digest }) => digest.startsWith(`sha256:${prefix}`));
    },
  };
  return countInventory({ reader, recountIntervalMs, onFault: fail }, over.signal);
}

/** Lets whoever looks come to its end. */
function oneLook(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function fail(error: unknown): void {
  throw error;
}
