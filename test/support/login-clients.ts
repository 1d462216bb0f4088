import { join } from 'node:path';
import { availability, findClient, type Availability } from './client-program.ts';
import { startContainerd } from './containerd.ts';
import { buildahAvailable, containersStorage, podmanAvailable } from './containers-storage.ts';
import { startDockerEngine } from './docker-engine.ts';

/** Who logs in, by a password or what may stand in its place. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** A client of others as someone uses it: with credentials and images of his own. Images are named `host:port/repository:tag`. */
export interface LoginSession {
  readonly login: (registry: string, who: Credentials) => Promise<unknown>;
  readonly logout: (registry: string) => Promise<unknown>;
  readonly pull: (image: string) => Promise<unknown>;
  /** Pushes what has been pulled by the one name under the other. */
  readonly push: (pulled: string, image: string) => Promise<unknown>;
}

/** A client that keeps credentials by a command of its own, or takes them with each. */
export interface LoginClient extends Availability {
  readonly name: string;
  /** `dir` is an empty directory. */
  readonly open: (dir: string) => LoginSession;
  readonly stop?: () => Promise<void>;
}

const PLAIN = '--tls-verify=false';

export async function loginClients(): Promise<LoginClient[]> {
  return [
    skopeo(),
    withContainersStorage('podman', podmanAvailable),
    withContainersStorage('buildah', buildahAvailable),
    ...[await docker(), await containerd(), oras(), crane(), regctl()],
  ];
}

function skopeo(): LoginClient {
  const { run, ...program } = findClient('skopeo');
  return {
    ...{ name: 'skopeo', ...program },
    open: (dir) => {
      const auth = ['--authfile', join(dir, 'auth.json')];
      const layout = (image: string): string => `oci:${join(dir, image.replaceAll(/[^a-z0-9]/g, '-'))}:1.0`;
      const copy = (...args: string[]): Promise<string> =>
        run(['--insecure-policy', 'copy', ...auth, ...args]);
      return {
        login: (registry, { name, password }) =>
          run(['login', ...auth, PLAIN, '--username', name, '--password-stdin', registry], {
            input: password,
          }),
        logout: (registry) => run(['logout', ...auth, registry]),
        pull: (image) => copy('--src-tls-verify=false', `docker://${image}`, layout(image)),
        push: (pulled, image) => copy('--dest-tls-verify=false', layout(pulled), `docker://${image}`),
      };
    },
  };
}

/** podman and buildah, which are used alike. */
function withContainersStorage(name: 'podman' | 'buildah', available: Availability): LoginClient {
  return {
    ...{ name, ...available },
    open: (dir) => {
      const auth = ['--authfile', join(dir, 'auth.json')];
      const { [name]: run, withInput } = containersStorage(dir);
      return {
        login: (registry, who) => {
          const user = ['--username', who.name, '--password-stdin'];
          return withInput(who.password)[name]('login', ...auth, PLAIN, ...user, registry);
        },
        logout: (registry) => run('logout', ...auth, registry),
        pull: (image) => run('pull', '--quiet', ...auth, PLAIN, image),
        push: (pulled, image) => run('push', '--quiet', ...auth, PLAIN, pulled, `docker://${image}`),
      };
    },
  };
}

async function docker(): Promise<LoginClient> {
  const engine = await startDockerEngine();
  const why = typeof engine === 'string' ? engine : undefined;
  return {
    ...{ name: 'docker', ...availability('docker', why) },
    ...(typeof engine !== 'string' && { stop: engine.stop }),
    open: (dir) => {
      if (typeof engine === 'string') throw new Error(engine);
      const run = (input: string | undefined, ...args: string[]): Promise<string> =>
        engine.as(dir, input, ...args);
      return {
        login: (registry, { name, password }) =>
          run(password, 'login', '--username', name, '--password-stdin', registry),
        logout: (registry) => run(undefined, 'logout', registry),
        pull: (image) => run(undefined, 'pull', '--quiet', image),
        push: async (pulled, image) => {
          await run(undefined, 'tag', pulled, image);
          return run(undefined, 'push', '--quiet', image);
        },
      };
    },
  };
}

/** Takes credentials with each command. */
async function containerd(): Promise<LoginClient> {
  const started = await startContainerd();
  const why = typeof started === 'string' ? started : undefined;
  return {
    ...{ name: 'containerd', ...availability('containerd', why) },
    ...(typeof started !== 'string' && { stop: started.stop }),
    open: () => {
      if (typeof started === 'string') throw new Error(started);
      const { ctr } = started;
      let user: string[] = [];
      return {
        login: async (_registry, { name, password }) => (user = ['--user', `${name}:${password}`]),
        logout: async () => (user = []),
        pull: (image) => ctr('content', 'fetch', '--plain-http', ...user, image),
        push: async (pulled, image) => {
          await ctr('images', 'tag', '--force', pulled, image);
          return ctr('images', 'push', '--plain-http', ...user, image);
        },
      };
    },
  };
}

function oras(): LoginClient {
  const { run, ...program } = findClient('oras', ['version']);
  return {
    ...{ name: 'oras', ...program },
    open: (dir) => {
      const config = ['--registry-config', join(dir, 'config.json')];
      const layout = (image: string): string => `${join(dir, image.replaceAll(/[^a-z0-9]/g, '-'))}:1.0`;
      const copied = (side: string): string[] => [
        `--${side}-plain-http`,
        `--${side}-registry-config`,
        join(dir, 'config.json'),
      ];
      return {
        login: (registry, { name, password }) =>
          run(['login', '--plain-http', ...config, '--username', name, '--password-stdin', registry], {
            input: password,
          }),
        logout: (registry) => run(['logout', ...config, registry]),
        pull: (image) => run(['copy', ...copied('from'), '--to-oci-layout', image, layout(image)]),
        push: (pulled, image) => run(['copy', '--from-oci-layout', ...copied('to'), layout(pulled), image]),
      };
    },
  };
}

function crane(): LoginClient {
  const { run, ...program } = findClient('crane', ['version']);
  return {
    ...{ name: 'crane', ...program },
    open: (dir) => {
      const env = { DOCKER_CONFIG: dir };
      const layout = (image: string): string => join(dir, image.replaceAll(/[^a-z0-9]/g, '-'));
      return {
        login: (registry, { name, password }) =>
          run(['auth', 'login', '--insecure', '--username', name, '--password-stdin', registry], {
            ...{ env, input: password },
          }),
        logout: (registry) => run(['auth', 'logout', registry], { env }),
        pull: (image) => run(['pull', '--insecure', '--format', 'oci', image, layout(image)], { env }),
        push: (pulled, image) => run(['push', '--insecure', layout(pulled), image], { env }),
      };
    },
  };
}

function regctl(): LoginClient {
  const { run, ...program } = findClient('regctl', ['version']);
  return {
    ...{ name: 'regctl', ...program },
    open: (dir) => {
      const options = { env: { REGCTL_CONFIG: join(dir, 'config.json') } };
      const layout = (image: string): string =>
        `ocidir://${join(dir, image.replaceAll(/[^a-z0-9]/g, '-'))}:1.0`;
      return {
        login: async (registry, { name, password }) => {
          await run(['registry', 'set', '--tls', 'disabled', registry], options);
          return run(['registry', 'login', '--user', name, '--pass-stdin', registry], {
            ...options,
            input: password,
          });
        },
        logout: (registry) => run(['registry', 'logout', registry], options),
        pull: (image) => run(['image', 'copy', image, layout(image)], options),
        push: (pulled, image) => run(['image', 'copy', layout(pulled), image], options),
      };
    },
  };
}
