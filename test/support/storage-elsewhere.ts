import { openRpcChannel } from '#libs/rpc/client.ts';
import { storageContract, uploadsContract } from '#libs/rpc/contracts.ts';
import { createRpcServer } from '#libs/rpc/server.ts';

/** Stands before a storage and tells nobody where its files are, as if its volume were on another machine. */
export async function storageElsewhere(
  address: string,
): Promise<{ address: string; close: () => Promise<void> }> {
  const channel = openRpcChannel({ address });
  const storage = channel.client(storageContract);
  const server = createRpcServer({ onFault: (error) => console.error(error) });
  server.add(storageContract, {
    ...storage,
    locate: async (request, context) => ({ ...(await storage.locate(request, context)), path: '' }),
  });
  server.add(uploadsContract, channel.client(uploadsContract));
  const port = await server.listen('127.0.0.1:0');
  return {
    address: `127.0.0.1:${port}`,
    close: async () => {
      await server.close(0);
      channel.close();
    },
  };
}
