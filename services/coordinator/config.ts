import { setting } from '#libs/config/env.ts';
import { tlsSetting } from '#libs/config/tls.ts';
import { hostPort, path } from '#libs/config/values.ts';

/** The coordinator's environment variables. */
export const coordinatorSettings = {
  listen: setting('MERIDIAN_LISTEN', hostPort, { host: '127.0.0.1', port: 5100 }),
  dataDir: setting('MERIDIAN_DATA_DIR', path),
  tls: tlsSetting('MERIDIAN_RPC_TLS'),
};
