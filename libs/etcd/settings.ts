import type { Setting } from '#libs/config/env.ts';
import { ConfigError } from '#libs/config/errors.ts';
import { secretSetting } from '#libs/config/secret.ts';
import type { EtcdLogin } from './login.ts';

const USERNAME = 'MERIDIAN_ETCD_USERNAME';
const PASSWORD = 'MERIDIAN_ETCD_PASSWORD';
const password = secretSetting(PASSWORD);

/** Name and password for an etcd with authentication turned on: both, or neither. */
export const etcdLoginSetting: Setting<EtcdLogin | undefined> = {
  variables: [USERNAME, ...password.variables],
  read: (value) => {
    const username = value(USERNAME);
    const secret = password.read(value);
    if (username === undefined && secret === undefined) return undefined;
    if (username === undefined || secret === undefined)
      throw new ConfigError([`${USERNAME} and ${PASSWORD}_FILE must be set both, or neither.`]);
    return { username, password: secret };
  },
};
