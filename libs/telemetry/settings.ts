import { optionalSetting, setting } from '#libs/config/env.ts';
import { oneOf, ratio, regionName, url } from '#libs/config/values.ts';

/** What every service reads from its environment to say what it does. */
export const telemetrySettings = {
  region: setting('MERIDIAN_REGION', regionName),
  logLevel: setting('MERIDIAN_LOG_LEVEL', oneOf('debug', 'info', 'warn', 'error', 'silent'), 'info'),
  /** Where spans go, as OTLP over HTTP; without it there are none. */
  otlpEndpoint: optionalSetting('OTEL_EXPORTER_OTLP_ENDPOINT', url('http', 'https')),
  samplingRatio: setting('OTEL_TRACES_SAMPLER_ARG', ratio, 1),
};
