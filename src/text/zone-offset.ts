// How far is a zone from UTC at a moment? Asked of the time zone data that Node brings.

/**
 * Offset of an IANA zone at a moment, both in microseconds; east is positive.
 * @throws RangeError for a name that is no zone
 */
export function offsetOfZone(zone: string, atUs: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(new Date(atUs / 1000));
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return (local - Math.floor(atUs / 1_000_000) * 1000) * 1000;
}
