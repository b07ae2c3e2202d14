// A row of /proc/net/tcp, tcp6, udp, udp6 or raw: hexadecimal addresses in host byte order, queues, timer (net/ipv4/tcp_ipv4.c:
// get_tcp4_sock(), v6.1).

import type { Socket } from '../../model/socket.js';
import { canonicalAddress } from '../../text/address.js';

/** include/net/tcp_states.h, in ss's words. */
const STATES = [
  'UNKNOWN',
  'ESTAB',
  'SYN-SENT',
  'SYN-RECV',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'UNCONN',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
  'SYN-RECV',
] as const;
/** Timer column: 1 retransmission, 2 keepalive or another, 3 TIME-WAIT, 4 zero window probe. */
const TIMERS = [null, 'on', 'keepalive', 'timewait', 'persist'] as const;
/** USER_HZ, in which the kernel prints times to user space: 100 on every architecture but alpha and ia64. */
const MS_PER_TICK = 10;
const ROW =
  /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2}) ([0-9A-F]{8}):([0-9A-F]{8}) ([0-9A-F]{2}):([0-9A-F]{8}) ([0-9A-F]{8})\s+(\d+)\s+(\d+)\s+(\d+)(.*)$/i;

export function isProcNetRow(line: string): boolean {
  return ROW.test(line);
}

/** Words of 32 bits as a little-endian host prints them. */
function address(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8)
    for (let byte = 6; byte >= 0; byte -= 2) bytes.push(Number.parseInt(hex.slice(word + byte, word + byte + 2), 16));
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at]! << 8) | bytes[at + 1]!).toString(16));
  return canonicalAddress(groups.join(':'));
}

/** @param proto of the file the row stands in; UDP and raw sockets have TCP's ESTABLISHED and CLOSE only */
export function readProcNetRow(line: string, proto: number): Socket | null {
  const match = ROW.exec(line);
  if (match === null) return null;
  const [, local, lport, peer, pport, state, txQueue, rxQueue, timer, when, retrans, uid, , inode] =
    match as unknown as readonly string[];
  const hex = (text: string | undefined): number => Number.parseInt(text ?? '0', 16);
  const timerWord = TIMERS[hex(timer)] === undefined ? 'unknown' : TIMERS[hex(timer)]!;
  const hasPeer = hex(pport) !== 0 || !/^0+$/.test(peer ?? '');
  const isRaw = proto === 255;
  return {
    proto: isRaw ? hex(lport) : proto,
    state: STATES[hex(state)] ?? 'UNKNOWN',
    local: address(local!),
    lport: isRaw ? null : hex(lport),
    peer: hasPeer ? address(peer!) : null,
    pport: hasPeer && !isRaw ? hex(pport) : null,
    recvQ: hex(rxQueue),
    sendQ: hex(txQueue),
    timer: timerWord,
    timerMs: timerWord === null ? null : hex(when) * MS_PER_TICK,
    retrans: timerWord === null ? null : hex(retrans),
    uid: Number(uid),
    inode: inode === '0' ? null : Number(inode),
    process: null,
    info: {},
  };
}
