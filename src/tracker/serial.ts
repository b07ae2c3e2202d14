// Which of two TCP sequence numbers comes first? They count modulo 2^32, so only their distance tells (include/net/tcp.h: before(), v6.18).

export function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export function isAfter(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** The sum as an unsigned 32 bit number; takes negative summands too. */
export function plus(a: number, b: number): number {
  return (a + b) >>> 0;
}

/** How many bytes a lies beyond b, negative when it lies before. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}
