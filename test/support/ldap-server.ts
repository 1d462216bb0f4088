import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { AndFilter, BerReader, BerWriter, BindRequest, EqualityFilter, type Filter } from 'ldapts';
import { NotFilter, OrFilter, PresenceFilter, SearchRequest } from 'ldapts';

export interface LdapEntry {
  readonly dn: string;
  readonly password?: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** A small directory server of the tests' own, as trusting as some are: a bind without a password is a success. */
export interface LdapServer {
  readonly url: string;
  /** By their DNs; tests change them as they like. */
  readonly entries: Map<string, LdapEntry>;
  /** The DNs that were bound as, with whether the connection was encrypted. */
  readonly binds: { readonly dn: string; readonly password: string; readonly isEncrypted: boolean }[];
  /** Connections at a time, the most there were. */
  readonly mostConnections: () => number;
  /** Takes connections and says nothing from now on. */
  hang(): void;
  /** Answers each search with where else to look too, and each bind so instead, from now on. */
  refer(url: string): void;
  /** Sends this with its answer to StartTLS, before TLS. */
  readonly inject: { bytes?: Buffer };
  close(): Promise<void>;
}

export interface LdapServerOptions {
  readonly entries: readonly LdapEntry[];
  /** For StartTLS. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly port?: number;
}

const BIND = 0x60;
const UNBIND = 0x42;
const SEARCH = 0x63;
const EXTENDED = 0x77;
const [SUCCESS, REFERRAL, PROTOCOL_ERROR, INVALID_CREDENTIALS] = [0, 10, 2, 49];

export async function startLdapServer(options: LdapServerOptions): Promise<LdapServer> {
  const entries = new Map(options.entries.map((entry) => [entry.dn, entry]));
  const binds: LdapServer['binds'] = [];
  const inject: LdapServer['inject'] = {};
  const sockets = new Set<Socket>();
  let most = 0;
  let hangs = false;
  let referral: string | undefined;

  const answer = (socket: Socket, message: Buffer): void => {
    const reader = new BerReader(message);
    reader.readSequence();
    const id = reader.readInt() ?? 0;
    const operation = reader.readSequence() ?? 0;
    if (operation === UNBIND) return void socket.end();
    if (operation === BIND) {
      const request = new BindRequest({ messageId: id });
      request.parseMessage(reader);
      const { dn, password } = request;
      binds.push({ dn, password, isEncrypted: socket instanceof TLSSocket });
      const isRight = password === '' || entries.get(dn)?.password === password;
      const code = referral === undefined ? (isRight ? SUCCESS : INVALID_CREDENTIALS) : REFERRAL;
      return void socket.write(result(id, BIND + 1, code, referral));
    }
    if (operation === SEARCH) {
      const request = new SearchRequest({ messageId: id, filter: new PresenceFilter() });
      request.parseMessage(reader);
      for (const entry of entries.values()) {
        if (!entry.dn.endsWith(request.baseDN) || !matches(entry, request.filter)) continue;
        socket.write(found(id, entry, request.attributes));
      }
      if (referral !== undefined) socket.write(reference(id, referral));
      return void socket.write(result(id, 0x65, SUCCESS));
    }
    if (operation === EXTENDED && options.certificate !== undefined) {
      socket.removeAllListeners('data');
      socket.write(Buffer.concat([result(id, 0x78, SUCCESS), inject.bytes ?? Buffer.alloc(0)]));
      const secureContext = createSecureContext(options.certificate);
      serve(new TLSSocket(socket, { isServer: true, secureContext }));
      return;
    }
    socket.write(result(id, operation + 1, PROTOCOL_ERROR));
  };
  const serve = (socket: Socket): void => {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      if (hangs) return;
      rest = Buffer.concat([rest, bytes]);
      for (let length = lengthOf(rest); length <= rest.length; length = lengthOf(rest)) {
        const message = rest.subarray(0, length);
        rest = rest.subarray(length);
        answer(socket, message);
      }
    });
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    most = Math.max(most, sockets.size);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ldap://localhost:${(server.address() as AddressInfo).port}`,
    ...{ entries, binds, inject },
    mostConnections: () => most,
    hang: () => void (hangs = true),
    refer: (url) => void (referral = url),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

/** Of the message that begins here, Infinity while that can't be told. */
function lengthOf(bytes: Buffer): number {
  const [, first] = bytes;
  if (first === undefined) return Infinity;
  if (first < 0x80) return 2 + first;
  const size = first & 0x7f;
  return bytes.length < 2 + size ? Infinity : 2 + size + bytes.readUIntBE(2, size);
}

function matches(entry: LdapEntry, filter: Filter): boolean {
  if (filter instanceof AndFilter) return filter.filters.every((one) => matches(entry, one));
  if (filter instanceof OrFilter) return filter.filters.some((one) => matches(entry, one));
  if (filter instanceof NotFilter) return !matches(entry, filter.filter);
  if (filter instanceof PresenceFilter) return valuesOf(entry, filter.attribute).length > 0;
  if (!(filter instanceof EqualityFilter)) return false;
  const wanted = String(filter.value).toLowerCase();
  return valuesOf(entry, filter.attribute).some((value) => value.toLowerCase() === wanted);
}

function valuesOf({ attributes }: LdapEntry, attribute: string): readonly string[] {
  const name = Object.keys(attributes).find((key) => key.toLowerCase() === attribute.toLowerCase());
  return (name === undefined ? undefined : attributes[name]) ?? [];
}

function message(id: number, operation: number, write: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(operation);
  write(writer);
  writer.endSequence();
  writer.endSequence();
  return Buffer.from(writer.buffer);
}

function result(id: number, operation: number, code: number, referral?: string): Buffer {
  return message(id, operation, (writer) => {
    writer.writeEnumeration(code);
    writer.writeString('');
    writer.writeString('');
    if (code !== REFERRAL || referral === undefined) return;
    writer.startSequence(0xa3);
    writer.writeString(referral);
    writer.endSequence();
  });
}

function reference(id: number, url: string): Buffer {
  return message(id, 0x73, (writer) => writer.writeString(url));
}

function found(id: number, entry: LdapEntry, wanted: readonly string[]): Buffer {
  const all = Object.entries(entry.attributes);
  const asked = all.filter(([name]) => wanted.some((one) => one.toLowerCase() === name.toLowerCase()));
  return message(id, 0x64, (writer) => {
    writer.writeString(entry.dn);
    writer.startSequence();
    for (const [name, values] of asked) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      for (const value of values) writer.writeString(value);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}
