// What time is it, to the microsecond, on the axis that evidence is recorded on (the epoch)?

const REALIGN_AFTER_US = 1_000_000;

/**
 * Microseconds since the epoch. Date.now() has milliseconds only; the monotonic clock carries the rest. The two are brought
 * together anew every second, so that a stepped or slewed clock is followed. That can take a millisecond.
 */
export function nowUs(): number {
  const monotonicUs = readMonotonicUs();
  if (monotonicUs - alignedAtUs > REALIGN_AFTER_US) {
    offsetUs = measureOffsetUs();
    alignedAtUs = readMonotonicUs();
    return offsetUs + alignedAtUs;
  }
  return offsetUs + monotonicUs;
}

/** Seconds with six decimals, as MANIFEST writes an epoch or an uptime. */
export function secondsText(us: number): string {
  const whole = Math.floor(us / 1e6);
  return `${whole}.${String(Math.round(us - whole * 1e6)).padStart(6, '0')}`;
}

/** A limit of time (ms, or a tolerance in any unit) for this machine: CTWHY_TEST_PATIENCE says how many times slower an emulated one is. */
export function patient(limit: number): number {
  return limit * Number(process.env['CTWHY_TEST_PATIENCE'] ?? 1);
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for a millisecond to begin: only then is Date.now() exact to a few microseconds. */
function measureOffsetUs(): number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return now * 1000 - readMonotonicUs();
}

function readMonotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

let offsetUs = measureOffsetUs();
let alignedAtUs = readMonotonicUs();
