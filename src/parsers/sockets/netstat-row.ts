// A row of `netstat -tan` with -e -p -o: columns that are there or not, told apart by what they hold (net-tools, netstat.c: tcp_do_one()).

import type { Socket } from '../../model/socket.js';
import { isNobody, readEndpoint } from './endpoint.js';

/** netstat's word -> ss's. */
const STATES: Readonly<Record<string, string>> = {
  ESTABLISHED: 'ESTAB',
  SYN_SENT: 'SYN-SENT',
  SYN_RECV: 'SYN-RECV',
  FIN_WAIT1: 'FIN-WAIT-1',
  FIN_WAIT2: 'FIN-WAIT-2',
  FIN_WAIT_1: 'FIN-WAIT-1',
  FIN_WAIT_2: 'FIN-WAIT-2',
  TIME_WAIT: 'TIME-WAIT',
  CLOSE: 'UNCONN',
  CLOSED: 'UNCONN',
  CLOSE_WAIT: 'CLOSE-WAIT',
  LAST_ACK: 'LAST-ACK',
  LISTEN: 'LISTEN',
  CLOSING: 'CLOSING',
  UNKNOWN: 'UNKNOWN',
};
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, udplite: 136, raw: 255, sctp: 132, icmp: 1 };
const TIMERS: Readonly<Record<string, string | null>> = {
  off: null,
  on: 'on',
  keepalive: 'keepalive',
  timewait: 'timewait',
  probe: 'persist',
};
const ROW =
  /^\s*((?:tcp|udp|udplite|raw|sctp|icmp)6?)\s+(\d+)\s+(\d+)\s+(\S+:\S+)\s+(\S+:\S+)(?:\s+([A-Z][A-Z_0-9]+|7))?(?:\s+(.*))?$/;
const TIMER = /\s*\b(off|on|keepalive|timewait|probe|unkn-\d+)\s+\((\d+(?:[.,]\d+)?)\/(\d+)\/(\d+)(?:\/(\d+))?\)\s*$/;
const OWNER = /^(\S+)\s+(\d+)(?:\s+|$)/;

export function isNetstatRow(line: string): boolean {
  return ROW.test(line);
}

/** NULL when the line is no row of netstat, a reason when its addresses cannot be read. */
export function readNetstatRow(line: string): Socket | string | null {
  const match = ROW.exec(line);
  if (match === null) return null;
  const [, name, recvQ, sendQ, localText, peerText, stateText, restText] = match as unknown as readonly [
    string,
    string,
    string,
    string,
    string,
    string,
    string | undefined,
    string | undefined,
  ];
  const local = readEndpoint(localText);
  const peer = readEndpoint(peerText);
  const proto = PROTOCOLS[name.replace(/6$/, '')] ?? 255;
  if (local === null || peer === null || (proto !== 255 && !local.isReadable)) return 'no local address and port';
  const state = stateText === undefined || stateText === '7' ? 'UNCONN' : STATES[stateText];
  if (state === undefined) return `a state of unknown name: ${stateText}`;

  let rest = restText ?? '';
  const timer = TIMER.exec(rest);
  if (timer !== null) rest = rest.slice(0, timer.index);
  const owner = OWNER.exec(rest);
  if (owner !== null) rest = rest.slice(owner[0].length);
  const process = /^(\d+)\/(.*?)\s*$/.exec(rest.trim());
  const info: Record<string, string | number> = {};
  if (timer !== null) info['timeouts'] = Number(timer[4]);
  if (timer?.[5] !== undefined) info['probes'] = Number(timer[5]);
  if (owner !== null && !/^\d+$/.test(owner[1]!)) info['user'] = owner[1]!;
  if (local.device !== null) info['device'] = local.device;
  const someone = isNobody(peer) || !peer.isReadable ? null : peer;
  const timerWord = timer === null ? null : TIMERS[timer[1]!] === undefined ? 'unknown' : TIMERS[timer[1]!]!;
  return {
    proto,
    state,
    local: local.address,
    lport: proto === 255 ? null : local.port,
    peer: someone?.address ?? null,
    pport: someone?.port ?? null,
    recvQ: Number(recvQ),
    sendQ: Number(sendQ),
    timer: timerWord,
    timerMs: timer === null || timerWord === null ? null : Math.round(Number(timer[2]!.replace(',', '.')) * 1000),
    retrans: timer === null || timerWord === null ? null : Number(timer[3]),
    uid: owner !== null && /^\d+$/.test(owner[1]!) ? Number(owner[1]) : null,
    inode: owner === null || owner[2] === '0' ? null : Number(owner[2]),
    process: process === null ? null : `${process[2]} pid=${process[1]}`,
    info,
  };
}
