/** How long and with which seed the fault tests run. */
export interface Budget {
  /** False in `npm test`, which takes a selection. */
  readonly whole: boolean;
  /** For each test that goes on as long as it may. */
  readonly seconds: number;
  readonly seed: number;
}

/** For the names of tests that `npm test` has no time for. */
export const inWholeSuiteOnly = ' (only in npm run test:faults)';

/** MERIDIAN_FAULTS=all is `npm run test:faults`; MERIDIAN_FAULTS_SECONDS and MERIDIAN_FAULTS_SEED choose the rest. */
export function readBudget(env: NodeJS.ProcessEnv = process.env): Budget {
  const whole = env['MERIDIAN_FAULTS'] === 'all';
  const seed = env['MERIDIAN_FAULTS_SEED'];
  return {
    whole,
    seconds: Number(env['MERIDIAN_FAULTS_SECONDS'] ?? (whole ? 60 : 8)),
    // The whole suite is another one each time; what fails names its seed.
    seed: Number(seed ?? (whole ? Math.floor(Math.random() * 1_000_000) : 1)),
  };
}
