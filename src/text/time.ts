// Times as text: RFC 3339 in JSON, short forms for people. Inside, time is integer microseconds since the epoch.

/** '2026-11-21T08:29:57.745123Z'. */
export function rfc3339(us: number): string {
  const ms = Math.floor(us / 1000);
  const micro = us - ms * 1000;
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micro).padStart(3, '0')}Z`;
}

/** '08:29:57.745' of the day, in UTC. */
export function timeOfDay(us: number, digits: 0 | 3 | 6 = 3): string {
  const text = rfc3339(us);
  return text.slice(11, digits === 0 ? 19 : 20 + digits);
}

/** '2026-11-21'. */
export function dateOf(us: number): string {
  return rfc3339(us).slice(0, 10);
}

/** A length of time in the largest one or two units that say enough: '0.3 s', '12 min', '2 h 30 min', '4 d 23 h'. */
export function duration(us: number): string {
  const s = Math.abs(us) / 1e6;
  if (s < 0.001) return `${Math.round(Math.abs(us))} us`;
  if (s < 1) return s < 0.1 ? `${Math.round(s * 1000)} ms` : `${(Math.round(s * 10) / 10).toString()} s`;
  if (s < 60) return `${(s < 10 ? Math.round(s * 10) / 10 : Math.round(s)).toString()} s`;
  const whole = Math.round(s);
  const units: ReadonlyArray<readonly [string, number]> = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  const [name, size] = units[first]!;
  const next = units[first + 1];
  const left = next === undefined ? 0 : Math.floor((whole % size) / next[1]);
  return `${Math.floor(whole / size)} ${name}${next !== undefined && left > 0 ? ` ${left} ${next[0]}` : ''}`;
}
