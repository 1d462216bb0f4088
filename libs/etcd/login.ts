import type { Connection } from './member.ts';
import { isCallFailure } from './status.ts';

/** Who this process is to an etcd that has authentication turned on. */
export interface EtcdLogin {
  readonly username: string;
  /** Read at each login, so that it may change while the process runs. */
  readonly password: () => string;
}

/** The token by which one member knows who asks. */
export interface Token {
  /** Logs in where there is none; undefined where etcd's authentication is off. Rejects with grpc-js' error. */
  get(): Promise<string | undefined>;
  /** It was refused: the next call logs in again, unless someone has done so already. */
  forget(refused: string | undefined): void;
}

interface AuthClient {
  authenticate(
    request: { name: string; password: string },
    metadata: Connection['metadata'],
    options: { deadline: number },
    callback: (error: Error | null, response: { token: string }) => void,
  ): void;
}

/** Nobody asks etcd to check a password while it is doing so: that takes it a tenth of a second of one processor. */
export function createToken(
  { username, password }: EtcdLogin,
  connect: () => Promise<Pick<Connection, 'client' | 'metadata'>>,
  timeoutMs: number,
): Token {
  let known: { readonly token: string | undefined } | undefined;
  let asking: Promise<string | undefined> | undefined;
  const ask = async (): Promise<string | undefined> => {
    try {
      const { client, metadata } = await connect();
      const token = await authenticate(client as unknown as AuthClient, metadata);
      known = { token };
      return token;
    } finally {
      asking = undefined;
    }
  };
  const authenticate = (client: AuthClient, metadata: Connection['metadata']): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + timeoutMs;
      client.authenticate(
        { name: username, password: password() },
        metadata,
        { deadline },
        (error, answer) => {
          if (error === null) resolve(answer.token);
          else if (isCallFailure(error) && error.details.includes(IS_OFF)) resolve(undefined);
          else reject(error);
        },
      );
    });
  return {
    get: async () => (known === undefined ? (asking ??= ask()) : known.token),
    forget: (refused) => {
      if (known?.token === refused) known = undefined;
    },
  };
}

const IS_OFF = 'authentication is not enabled';

/** What etcd says of a token that is over, that it lost with a restart, or that is older than a change of users and roles. Nothing was done. */
const REFUSED_TOKENS = ['invalid auth token', 'revision of auth store is old', 'user name is empty'];

export function isTokenRefused(error: unknown): boolean {
  return isCallFailure(error) && REFUSED_TOKENS.some((words) => error.details.includes(words));
}
