import { isIP } from 'node:net';
import { Etcd3, type IOptions, type Services } from 'etcd3';
import { ConfigError } from '#libs/config/errors.ts';
import type { Pems, TlsFiles, TlsIdentity } from '#libs/tls/identity.ts';
import { createToken, type EtcdLogin, type Token } from './login.ts';

/** Pages of a range and batches of a watch come as one message. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/** etcd allows pings every 5 s. A dead connection is noticed, and its calls and watches end, within the sum of the first two. */
const GRPC_OPTIONS = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
  'grpc.enable_retries': 0,
};

/** By then every call is made for which the connection was handed out. Those that run then end on it: it closes behind the last. */
const HANDED_OUT_MS = 10_000;

type ServiceName = keyof typeof Services;
/** What etcd3 hands out: grpc-js's client of one service and the headers for a call of it. */
export type Connection = Parameters<Parameters<Etcd3Connections['withConnection']>[1]>[0];
type Etcd3Connections = Etcd3Member['connections'];

/** One etcd member, reached through etcd3's generated clients. */
export interface Member {
  /** `host:port`, for messages. */
  readonly name: string;
  connection(service: ServiceName): Promise<Pick<Connection, 'client' | 'metadata'>>;
  /** Who asks it; without, nobody in particular. */
  readonly token: Token | undefined;
  /** Set while connecting to it takes long, so that calls don't wait for it in turn. */
  slowToConnect: boolean;
  close(): void;
}

/**
 * Of etcd3 only the connection is used. Its calls repeat themselves, transactions included, and draw their host at random; its watcher resumes after
 * the revision of the last header, which can skip events. Handing out the connection and never throwing inside keeps its fault handling out of play.
 */
export function openMember(endpoint: string, { tls, login, callTimeoutMs }: MemberOptions): Member {
  requireName(endpoint);
  const open = (pems: Pems<TlsFiles> | undefined): Etcd3Member =>
    new Etcd3Member({
      hosts: endpoint,
      grpcOptions: GRPC_OPTIONS,
      ...(pems === undefined ? {} : { credentials: credentials(pems) }),
    });
  let etcd = open(tls?.current());
  const stopRenewing = tls?.onRenewed((pems) => {
    const before = etcd;
    etcd = open(pems);
    handedOut.clear();
    setTimeout(() => before.close(), HANDED_OUT_MS).unref();
  });
  const handedOut = new Map<ServiceName, ReturnType<Member['connection']>>();
  const connection: Member['connection'] = (service) => {
    const known = handedOut.get(service);
    if (known !== undefined) return known;
    // What it looks for anew each time, and draws at random, is always the same.
    const found = etcd.connections.withConnection(service, ({ client, metadata }) => ({ client, metadata }));
    handedOut.set(service, found);
    found.catch(() => handedOut.delete(service));
    return found;
  };
  return {
    name: endpoint.replace(/^https?:\/\//, ''),
    connection,
    token: login && createToken(login, () => connection('Auth'), callTimeoutMs),
    slowToConnect: false,
    close: () => {
      stopRenewing?.();
      etcd.close();
    },
  };
}

export interface MemberOptions {
  readonly tls?: TlsIdentity | undefined;
  readonly login?: EtcdLogin | undefined;
  readonly callTimeoutMs: number;
}

/** etcd3 has TLS ask for the server by the URL's host, which by RFC 6066 must be a name. */
function requireName(endpoint: string): void {
  const { protocol, hostname } = new URL(endpoint);
  if (protocol !== 'https:' || isIP(hostname.replace(/^\[|\]$/g, '')) === 0) return;
  throw new ConfigError([
    `etcd's member ${endpoint} must be given with a host name: TLS can't be asked for an address.`,
  ]);
}

class Etcd3Member extends Etcd3 {
  get connections() {
    return this.pool;
  }
}

function credentials({ ca, key, cert }: Pems<TlsFiles>): NonNullable<IOptions['credentials']> {
  return { rootCertificate: ca, privateKey: key, certChain: cert };
}
