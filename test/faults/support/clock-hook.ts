/*
 * Loaded into a region's process before anything else: its clock goes wrong by MERIDIAN_FAULTS_CLOCK_SHIFT_MS from the start. Timers run as ever, and so
 * does the monotonic clock.
 */

const shiftMs = Number(process.env['MERIDIAN_FAULTS_CLOCK_SHIFT_MS'] ?? 0);
const now = Date.now.bind(Date);
Date.now = () => now() + shiftMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, given: unknown[], newTarget) =>
    Reflect.construct(target, given.length === 0 ? [Date.now()] : given, newTarget) as object,
});
