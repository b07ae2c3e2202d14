// `ss` in all its forms: with or without headings, the Netid and the State column, inner state on the same or the next line, wrapped.

import type { Socket } from '../../model/socket.js';
import { protocolNumber } from '../../text/protocols.js';
import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { type Endpoint, isNobody, readEndpoint } from '../sockets/endpoint.js';
import { isWrappedWords, readSocketWords } from '../sockets/socket-info.js';

/** IPPROTO_RAW: a raw socket whose protocol the row does not name. */
const RAW = 255;

const STATES: ReadonlySet<string> = new Set([
  'ESTAB',
  'SYN-SENT',
  'SYN-RECV',
  'NEW-SYN-RECV',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'UNCONN',
  'CLOSED',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
  'UNKNOWN',
]);
/** Netid column -> protocol number; -1: no sockets with addresses and ports of ours (Unix, netlink, packet, vsock …). */
const NETIDS: ReadonlyMap<string, number> = new Map([
  ['tcp', 6],
  ['mptcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['sctp', 132],
  ['raw', RAW],
  ['icmp6', 58],
  ['icmp', 1],
  ['u_str', -1],
  ['u_dgr', -1],
  ['u_seq', -1],
  ['nl', -1],
  ['p_raw', -1],
  ['p_dgr', -1],
  ['v_str', -1],
  ['v_dgr', -1],
  ['tipc', -1],
  ['ti_st', -1],
  ['ti_dg', -1],
  ['ti_rd', -1],
  ['ti_sq', -1],
  ['xdp', -1],
  ['???', -1],
]);
const HEADING = /^(?:Netid\s+)?(?:State\s+)?Recv-Q\s+Send-Q\s+Local Address:\s*Port\s+Peer Address:\s*Port/;

interface Columns {
  readonly hasNetid: boolean;
  readonly hasState: boolean;
}

interface Row {
  readonly proto: number;
  readonly state: string;
  readonly recvQ: number;
  readonly sendQ: number;
  /** What follows the queues. */
  readonly rest: string;
}

/** Words of the command name the protocol and the state where ss leaves out their columns: `ss -u`, `ss -tn state fin-wait-1`. */
function protoOfCommand(command: string | null): number {
  const options = command?.match(/\s-[a-zA-Z46]+|\s--(?:tcp|udp|sctp|dccp|raw|mptcp)\b/g)?.join('') ?? '';
  const chosen = (
    [
      [/-\w*t|--tcp/, 6],
      [/-\w*u|--udp/, 17],
      [/-\w*S|--sctp/, 132],
      [/-\w*d|--dccp/, 33],
      [/-\w*w|--raw/, RAW],
    ] as const
  ).filter(([pattern]) => pattern.test(options));
  return chosen.length === 1 ? chosen[0]![1] : 6;
}

function stateOfCommand(command: string | null): string | null {
  const word = /\bstate\s+([a-z0-9-]+)/.exec(command ?? '')?.[1]?.toUpperCase();
  const state =
    word === 'ESTABLISHED' ? 'ESTAB' : word === 'LISTENING' ? 'LISTEN' : word === 'CLOSED' ? 'UNCONN' : word;
  return state !== undefined && STATES.has(state) ? state : null;
}

const NUMBER = /^\d+$/;
const BEHIND: readonly RegExp[] = [2, 3, 4].map((words) => new RegExp(`^(?:\\S+\\s+){${words - 1}}\\S+\\s*`));

/** NULL when the line is no row of a socket. The state is '' where the row has none. */
function readRow(line: string, columns: Columns | null, command: string | null): Row | null {
  const trimmed = line.trim();
  const words = trimmed.split(/\s+/, 5);
  let at = 0;
  const netid = NETIDS.get(words[0]!.toLowerCase());
  const hasNetid = netid !== undefined && (columns === null || columns.hasNetid);
  if (hasNetid) at++;
  const hasState = STATES.has(words[at] ?? '');
  const state = hasState ? words[at++]! : '';
  const recvQ = words[at++];
  const sendQ = words[at++];
  if (recvQ === undefined || sendQ === undefined || !NUMBER.test(recvQ) || !NUMBER.test(sendQ)) return null;
  if (!hasState && columns?.hasState !== false) return null;
  const rest = trimmed.slice(BEHIND[at - 2]?.exec(trimmed)?.[0].length ?? 0);
  return {
    proto: netid ?? (state === 'UNCONN' && command === null ? 17 : protoOfCommand(command)),
    state,
    recvQ: Number(recvQ),
    sendQ: Number(sendQ),
    rest,
  };
}

/** Some versions pad between address and port: '127.0.0.1:   8080'. */
function takeEndpoint(text: string): { readonly endpoint: Endpoint | null; readonly rest: string } {
  const trimmed = text.trimStart();
  const match = /^\S*:\s+(?=\d+(?:\s|$)|\*(?:\s|$))\S+/.exec(trimmed) ?? /^\S+/.exec(trimmed);
  if (match === null) return { endpoint: null, rest: '' };
  return { endpoint: readEndpoint(match[0].replace(/\s+/, '')), rest: trimmed.slice(match[0].length) };
}

interface Held {
  readonly line: number;
  readonly row: Row;
  text: string;
}

function openReader(emit: Emit, context: FormContext): FormReader {
  let columns: Columns | null = null;
  let held: Held | null = null;
  let headedAt: number | null = null;
  let hasRows = false;
  const stateAsked = stateOfCommand(context.command);

  const flush = (): void => {
    if (held === null) return;
    const { row, line } = held;
    const local = takeEndpoint(held.text);
    const peer = takeEndpoint(local.rest);
    held = null;
    if (local.endpoint === null) return;
    const isPeer = peer.endpoint?.isReadable === true;
    const words = readSocketWords(isPeer ? peer.rest : local.rest);
    const info: Record<string, string | number> = { ...words.info };
    if (local.endpoint.device !== null) info['device'] = local.endpoint.device;
    const someone = isPeer && !isNobody(peer.endpoint) ? peer.endpoint : null;
    // Raw sockets have a protocol where others have a port.
    const isRaw = row.proto === RAW;
    const socket: Socket = {
      proto: isRaw ? (protocolNumber(local.endpoint.portText) ?? RAW) : row.proto,
      state: row.state === '' ? (stateAsked ?? '') : row.state === 'CLOSED' ? 'UNCONN' : row.state,
      local: local.endpoint.address,
      lport: isRaw ? null : local.endpoint.port,
      peer: someone?.address ?? null,
      pport: someone?.port ?? null,
      recvQ: row.recvQ,
      sendQ: row.sendQ,
      timer: words.timer,
      timerMs: words.timerMs,
      retrans: words.retrans,
      uid: words.uid,
      inode: words.inode,
      process: words.process,
      info,
    };
    emit({ kind: 'socket', line, socket });
  };

  const begin = (row: Row, text: string, line: number): LineOutcome => {
    if (row.proto === -1) return TAKEN;
    if (row.state === '' && stateAsked === null)
      return {
        is: 'unread',
        reason: 'no state: the listing was asked for one state, and the command is not told',
        at: 0,
      };
    const local = takeEndpoint(row.rest);
    if (local.endpoint === null || (!local.endpoint.isReadable && row.proto !== RAW))
      return { is: 'unread', reason: 'no local address and port', at: Math.max(0, text.indexOf(row.rest)) };
    held = { line, row, text: row.rest };
    return TAKEN;
  };

  return {
    line(text, line) {
      if (text.trim() === '') return TAKEN;
      if (HEADING.test(text)) {
        flush();
        columns = { hasNetid: /^Netid/.test(text), hasState: /\bState\b/.test(text) };
        headedAt ??= line;
        return TAKEN;
      }
      const isIndented = /^\s/.test(text);
      const row = readRow(text, columns, context.command);
      if (row !== null) {
        hasRows = true;
        flush();
        return begin(row, text, line);
      }
      if (held !== null && (isIndented || isWrappedWords(text))) {
        held.text += ` ${text.trim()}`;
        return TAKEN;
      }
      // A row that a mail or a narrow terminal broke between its addresses.
      if (
        held !== null &&
        takeEndpoint(takeEndpoint(held.text).rest).endpoint === null &&
        takeEndpoint(text).endpoint?.isReadable
      ) {
        held.text += ` ${text.trim()}`;
        return TAKEN;
      }
      // The state of sockets of other kinds (Unix, netlink) goes on behind their row, too.
      if (isIndented && columns !== null) return TAKEN;
      flush();
      if (/^(Cannot open netlink socket|Failed to find cgroup2|ss: |RTNETLINK)/.test(text)) return TAKEN;
      const first = text.trim().split(/\s+/, 1)[0]!;
      return STATES.has(first) && columns !== null
        ? { is: 'unread', reason: 'a row of ss that breaks off', at: 0 }
        : OTHER;
    },
    end() {
      flush();
      // A heading and nothing below: there were no sockets of the kinds that were asked for.
      if (headedAt !== null && !hasRows)
        emit({ kind: 'host-fact', line: headedAt, fact: { kind: 'listed', data: { what: 'sockets', shown: 0 } } });
    },
  };
}

export const ssForm: Form = {
  id: 'ss',
  title: 'ss -tuna with -o -e -i -m -p',
  recognise(line, context) {
    if (HEADING.test(line)) return 100;
    const row = readRow(line, null, context.command);
    if (row === null) return 0;
    const local = takeEndpoint(row.rest);
    const hasAddresses = local.endpoint !== null && takeEndpoint(local.rest).endpoint !== null;
    return row.proto === -1 ? 60 : hasAddresses ? 90 : 30;
  },
  open: openReader,
};
