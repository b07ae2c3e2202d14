// Which window scale, SACK permission and SACK edges do the option bytes of a TCP header carry? Read as conntrack reads them:
// from the front, and what stands behind a broken option is not looked at (nf_conntrack_proto_tcp.c: tcp_options(), tcp_sack(), v6.18).

import { isAfter } from './serial.js';

const END = 0;
const NOP = 1;
const WINDOW_SCALE = 3;
const SACK_PERMITTED = 4;
const SACK = 5;

/** RFC 7323: no shift is larger. */
const MAX_SCALE = 14;

/** Bytes of 'OPT (…)' or of a capture; an odd last digit and anything behind a character that is no hex digit are left out. */
export function tcpOptionBytes(hex: string): Uint8Array {
  const digits = /^[0-9a-f]*/i.exec(hex.trim())?.[0] ?? '';
  const bytes = new Uint8Array(digits.length >> 1);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** Where the option of this kind and size begins; -1 when it is not there. The last one counts for all but SACK. */
function findOption(options: Uint8Array, kind: number, fits: (size: number) => boolean, isFirst: boolean): number {
  let found = -1;
  for (let at = 0; at < options.length; ) {
    const code = options[at]!;
    if (code === END) break;
    if (code === NOP) {
      at += 1;
      continue;
    }
    const size = options[at + 1];
    if (size === undefined || size < 2 || size > options.length - at) break;
    if (code === kind && fits(size)) {
      found = at;
      if (isFirst) break;
    }
    at += size;
  }
  return found;
}

const isThree = (size: number): boolean => size === 3;
const isTwo = (size: number): boolean => size === 2;
const holdsBlocks = (size: number): boolean => size >= 10 && (size - 2) % 8 === 0;

/** The shift, at most 14; -1 when scaling is not offered. */
export function windowScaleOf(options: Uint8Array): number {
  const at = findOption(options, WINDOW_SCALE, isThree, false);
  return at < 0 ? -1 : Math.min(options[at + 2]!, MAX_SCALE);
}

export function permitsSack(options: Uint8Array): boolean {
  return findOption(options, SACK_PERMITTED, isTwo, false) >= 0;
}

/** The highest right edge of the SACK blocks, or `ack` when none lies beyond it. */
export function sackEdge(options: Uint8Array, ack: number): number {
  const at = findOption(options, SACK, holdsBlocks, true);
  if (at < 0) return ack;
  let highest = ack;
  for (let block = at + 2; block < at + options[at + 1]!; block += 8) {
    const edge =
      ((options[block + 4]! << 24) | (options[block + 5]! << 16) | (options[block + 6]! << 8) | options[block + 7]!) >>>
      0;
    if (isAfter(edge, highest)) highest = edge;
  }
  return highest;
}
