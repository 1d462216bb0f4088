import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client } from 'ldapts';
import type { DirectorySettings } from '#libs/auth/directory.ts';
import { startTls } from './start-tls.ts';

/** What a server may send on one connection. */
const MAX_RECEIVED_BYTES = 8 * 1024 * 1024;
const PORTS: Readonly<Record<string, number>> = { 'ldap:': 389, 'ldaps:': 636 };

export type ConnectionSettings = Pick<DirectorySettings, 'startTls' | 'ca' | 'timeoutMs'>;

/**
 * A connection to the server at `url`, encrypted unless the settings say otherwise, for as long as `use` takes. It is one connection: once lost, it is not made
 * anew, or what follows would be sent to a server that has not proven anything.
 */
export async function withConnection<T>(
  url: string,
  settings: ConnectionSettings,
  signal: AbortSignal,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const socket = await open(new URL(url), settings, signal);
  const end = (): void => void socket.destroy();
  signal.addEventListener('abort', end);
  socket.on('close', () => signal.removeEventListener('abort', end));
  try {
    signal.throwIfAborted();
    return await use(clientOn(socket, settings));
  } finally {
    socket.destroy();
  }
}

function clientOn(socket: Socket, { timeoutMs }: ConnectionSettings): Client {
  let isTaken = false;
  let receivedBytes = 0;
  socket.on('data', (bytes: Buffer) => {
    receivedBytes += bytes.length;
    if (receivedBytes > MAX_RECEIVED_BYTES) socket.destroy();
  });
  // The client's own TLS goes on with what came before it: the connection is encrypted already.
  return new Client({
    url: 'ldap://connected',
    timeout: timeoutMs,
    createConnection: () => {
      if (isTaken) throw new Error('The connection to the directory has ended.');
      isTaken = true;
      return socket;
    },
  });
}

async function open(url: URL, settings: ConnectionSettings, signal: AbortSignal): Promise<Socket> {
  const within = { signal: AbortSignal.any([signal, AbortSignal.timeout(settings.timeoutMs)]) };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? PORTS[url.protocol] : Number(url.port);
  // An error that comes while nobody waits ends the connection, which whoever uses it next is told.
  const socket = connectTcp({ host, port: port ?? 0 }).on('error', () => undefined);
  try {
    await once(socket, 'connect', within);
    if (url.protocol === 'ldap:') {
      if (!settings.startTls) return socket;
      await startTls(socket, within.signal);
    }
    const secure = connectTls({
      ...{ socket, host },
      ...(isIP(host) === 0 && { servername: host }),
      ...(settings.ca !== undefined && { ca: settings.ca }),
    }).on('error', () => undefined);
    await once(secure, 'secureConnect', within);
    return secure;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
