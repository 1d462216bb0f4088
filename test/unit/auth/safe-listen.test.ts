import { expect, it } from 'vitest';
import { readEnv } from '#libs/config/env.ts';
import { requireSafe } from '#services/frontend/auth/config.ts';
import { frontendProcessSettings } from '#services/frontend/config.ts';

function start(env: Record<string, string>): void {
  requireSafe(readEnv(frontendProcessSettings, { MERIDIAN_REGION: 'us', ...env }));
}

const ON = { MERIDIAN_AUTH: 'on' };
const TOLD = { MERIDIAN_INSECURE: 'yes-anyone-may-push' };

it.each(['127.0.0.1:5000', '127.1.2.3:5000', 'localhost:5000', '[::1]:5000'])(
  'a front end that listens at %s needs no authentication',
  (listen) => {
    start({ MERIDIAN_LISTEN: listen });
    start({ MERIDIAN_LISTEN: listen, ...ON });
  },
);

it.each(['0.0.0.0:5000', '[::]:5000', '10.1.0.4:5000', '127.example.net:5000', 'registry.example.net:5000'])(
  'one that listens at %s refuses to start without it, unless that is said twice',
  (listen) => {
    expect(() => start({ MERIDIAN_LISTEN: listen })).toThrow(/MERIDIAN_AUTH=on.*MERIDIAN_INSECURE/);
    expect(() => start({ MERIDIAN_LISTEN: listen, MERIDIAN_AUTH: 'off' })).toThrow('MERIDIAN_INSECURE');
    expect(() => start({ MERIDIAN_LISTEN: listen, MERIDIAN_INSECURE: 'true' })).toThrow(
      'yes-anyone-may-push',
    );
    start({ MERIDIAN_LISTEN: listen, ...TOLD });
    expect(() => start({ MERIDIAN_LISTEN: listen, ...ON })).toThrow('MERIDIAN_PUBLIC_URL');
    start({ MERIDIAN_LISTEN: listen, ...ON, MERIDIAN_PUBLIC_URL: 'https://registry.example.net' });
  },
);
