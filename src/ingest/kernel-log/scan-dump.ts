// Reads the packet dump of a line from its bytes, for the forms the kernel prints millions of times: IPv4 and IPv6 with TCP, UDP or an ICMP echo.
// Anything else makes it say "not certain", and the full parser reads the line.
// Layout: net/netfilter/nf_log_syslog.c: dump_ipv4_packet(), dump_ipv6_packet(), nf_log_dump_tcp_header() (v6.18).

import { CE, DF, type Dump, IP, IP6, MF } from './dump.js';
import type { DumpTables } from './dump-tables.js';

const SPACE = 0x20;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const DOT = 0x2e;
const COLON = 0x3a;

/** Words at a fixed place, as bytes. */
const words = {
  src: bytesOf('SRC='),
  dst: bytesOf('DST='),
  len: bytesOf('LEN='),
  tos: bytesOf('TOS=0x'),
  prec: bytesOf('PREC=0x'),
  ttl: bytesOf('TTL='),
  id: bytesOf('ID='),
  tc: bytesOf('TC='),
  hopLimit: bytesOf('HOPLIMIT='),
  flowLabel: bytesOf('FLOWLBL='),
  proto: bytesOf('PROTO='),
  tcp: bytesOf('TCP '),
  udp: bytesOf('UDP '),
  icmp: bytesOf('ICMP TYPE='),
  icmp6: bytesOf('ICMPv6 TYPE='),
  code: bytesOf('CODE='),
  spt: bytesOf('SPT='),
  dpt: bytesOf('DPT='),
  seq: bytesOf('SEQ='),
  ack: bytesOf('ACK='),
  window: bytesOf('WINDOW='),
  res: bytesOf('RES=0x'),
  urgp: bytesOf('URGP='),
  opt: bytesOf('OPT ('),
  uid: bytesOf('UID='),
  gid: bytesOf('GID='),
  mark: bytesOf('MARK=0x'),
} as const;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** Where a scan stands. Fields instead of results: a line makes thirty steps, and none may allocate. */
export interface DumpScanner {
  /**
   * Scans bytes from `SRC=` to the line's end.
   * @param end behind the last byte of the buffer's whole lines; the byte before it is a newline
   * @returns where the next line begins; -1 when this dump is not of a form it knows with certainty
   */
  scan(bytes: Buffer, from: number, end: number, dump: Dump): number;
}

export function openDumpScanner(tables: DumpTables): DumpScanner {
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;
  let value = 0;

  /** Steps over a word when it stands here. */
  const word = (expected: Uint8Array): boolean => {
    const from = bytes;
    const start = at;
    const length = expected.length;
    for (let i = 0; i < length; i++) if (from[start + i] !== expected[i]) return false;
    at = start + length;
    return true;
  };

  /** Steps over the blank behind a value; at the line's end there may be none (some tools trim it). */
  const blank = (): boolean => {
    const byte = bytes[at];
    if (byte === SPACE) at++;
    else return byte === NEWLINE || byte === RETURN;
    return true;
  };

  /** A decimal number and the blank behind it. */
  const number = (most: number): boolean => {
    const source = bytes;
    const from = at;
    let here = from;
    let digit = source[here]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    let result = 0;
    do {
      result = result * 10 + digit;
      digit = source[++here]! - 0x30;
    } while (digit >= 0 && digit <= 9);
    if (result > most || here - from > 10) return false;
    value = result;
    at = here;
    return blank();
  };

  /** Hex digits up to a blank. */
  const hexNumber = (most: number): boolean => {
    const from = at;
    value = 0;
    for (; ; at++) {
      const byte = bytes[at]!;
      const digit =
        byte >= 0x30 && byte <= 0x39
          ? byte - 0x30
          : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66
            ? (byte | 0x20) - 0x57
            : -1;
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    return at > from && at - from <= 8 && value <= most && blank();
  };

  const ipv4 = (): boolean => {
    const source = bytes;
    let here = at;
    let address = 0;
    for (let part = 0; part < 4; part++) {
      let digit = source[here]! - 0x30;
      if (digit < 0 || digit > 9) return false;
      let octet = digit;
      const from = here++;
      for (digit = source[here]! - 0x30; digit >= 0 && digit <= 9; digit = source[++here]! - 0x30)
        octet = octet * 10 + digit;
      if (octet > 255 || here - from > 3 || (here - from > 1 && source[from] === 0x30)) return false;
      if (source[here] !== (part < 3 ? DOT : SPACE)) return false;
      here++;
      address = (address << 8) | octet;
    }
    at = here;
    value = address;
    return true;
  };

  /** Eight groups of four digits, as the kernel prints IPv6. */
  const ipv6 = (): boolean => {
    const from = at;
    if (bytes[from + 39] !== SPACE) return false;
    for (let i = 0; i < 39; i++) {
      const byte = bytes[from + i]!;
      if (i % 5 === 4) {
        if (byte !== COLON) return false;
      } else if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
    }
    value = tables.address(bytes.toString('latin1', from, from + 39));
    at = from + 40;
    return true;
  };

  /** The blank behind the last word, and the line's end: kernels print the blank, some tools trim it. */
  const lineEnd = (): boolean => {
    if (bytes[at] === RETURN) at++;
    if (bytes[at] !== NEWLINE) return false;
    at++;
    return true;
  };

  const ip = (dump: Dump): boolean => {
    dump.family = IP;
    dump.fragment = 0;
    if (!ipv4()) return false;
    dump.src = value;
    if (!word(words.dst) || !ipv4()) return false;
    dump.dst = value;
    if (!word(words.len) || !number(65_535)) return false;
    dump.lenBytes = value;
    if (!word(words.tos) || !hexNumber(255)) return false;
    dump.tos = value;
    if (!word(words.prec) || !hexNumber(255)) return false;
    dump.prec = value;
    if (!word(words.ttl) || !number(255)) return false;
    dump.ttl = value;
    if (!word(words.id) || !number(65_535)) return false;
    dump.ipId = value;
    for (;;) {
      const first = bytes[at];
      if (bytes[at + 2] !== SPACE) return true;
      const second = bytes[at + 1];
      if (first === 0x44 && second === 0x46) dump.fragment |= DF;
      else if (first === 0x43 && second === 0x45) dump.fragment |= CE;
      else if (first === 0x4d && second === 0x46) dump.fragment |= MF;
      else return true;
      at += 3;
    }
  };

  const ip6 = (dump: Dump): boolean => {
    dump.family = IP6;
    dump.fragment = 0;
    if (!ipv6()) return false;
    dump.src = value;
    if (!word(words.dst) || !ipv6()) return false;
    dump.dst = value;
    if (!word(words.len) || !number(4_294_967_335)) return false;
    dump.lenBytes = value;
    if (!word(words.tc) || !number(255)) return false;
    dump.tos = value;
    dump.prec = -1;
    if (!word(words.hopLimit) || !number(255)) return false;
    dump.ttl = value;
    if (!word(words.flowLabel) || !number(1_048_575)) return false;
    if (value > 0) dump.extra = `"flowlbl":${value}`;
    dump.ipId = -1;
    return true;
  };

  const member = (dump: Dump, text: string): void => {
    dump.extra = dump.extra === '' ? text : `${dump.extra},${text}`;
  };

  /** Flag words between RES= and URGP=, in any order. */
  const flagWords = (): boolean => {
    let flags = 0;
    for (;;) {
      const first = bytes[at];
      const second = bytes[at + 1];
      let bit = -1;
      let length = 3;
      if (first === 0x41 && second === 0x43) bit = 4;
      else if (first === 0x50) bit = 3;
      else if (first === 0x53) bit = 1;
      else if (first === 0x46) bit = 0;
      else if (first === 0x52) bit = 2;
      else if (first === 0x45) bit = 6;
      else if (first === 0x43) bit = 7;
      else if (first === 0x55 && bytes[at + 3] === SPACE) bit = 5;
      else if (first === 0x41 && second === 0x45) {
        bit = 8;
        length = 2;
      }
      if (bit < 0) break;
      const name = FLAG_BYTES[bit]!;
      for (let i = 0; i < length; i++) if (bytes[at + i] !== name[i]) return false;
      if (bytes[at + length] !== SPACE || (flags & (1 << bit)) !== 0) return false;
      flags |= 1 << bit;
      at += length + 1;
    }
    value = flags;
    return true;
  };

  const tcp = (dump: Dump): boolean => {
    dump.proto = 6;
    if (!word(words.spt) || !number(65_535)) return false;
    dump.sport = value;
    if (!word(words.dpt) || !number(65_535)) return false;
    dump.dport = value;
    dump.seq = -1;
    dump.ack = -1;
    if (word(words.seq)) {
      if (!number(4_294_967_295)) return false;
      dump.seq = value;
      if (!word(words.ack) || !number(4_294_967_295)) return false;
      dump.ack = value;
    }
    if (!word(words.window) || !number(65_535)) return false;
    dump.window = value;
    if (!word(words.res) || !hexNumber(255)) return false;
    dump.res = value;
    if (!flagWords()) return false;
    dump.flags = value;
    if (!word(words.urgp) || !number(65_535)) return false;
    if (value !== 0) member(dump, `"urgp":${value}`);
    if (word(words.opt)) {
      const source = bytes;
      const from = at;
      let here = from;
      let byte = source[here]!;
      while ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46)) byte = source[++here]!;
      at = here;
      if (byte !== 0x29 || at === from || bytes[at + 1] !== SPACE) return false;
      member(dump, `"opt":"${bytes.toString('latin1', from, at)}"`);
      at += 2;
    }
    return true;
  };

  const udp = (dump: Dump): boolean => {
    dump.proto = 17;
    if (!word(words.spt) || !number(65_535)) return false;
    dump.sport = value;
    if (!word(words.dpt) || !number(65_535)) return false;
    dump.dport = value;
    if (!word(words.len) || !number(65_535)) return false;
    // The usual length follows from the packet's; only another one is worth keeping.
    if (value !== dump.lenBytes - (dump.family === IP ? 20 : 40)) member(dump, `"udplen":${value}`);
    return true;
  };

  const icmpEcho = (dump: Dump, proto: number): boolean => {
    dump.proto = proto;
    if (!number(255)) return false;
    const type = value;
    if (proto === 1 ? type !== 8 && type !== 0 : type !== 128 && type !== 129) return false;
    if (!word(words.code) || !number(255)) return false;
    const code = value;
    if (!word(words.id) || !number(65_535)) return false;
    const id = value;
    if (!word(words.seq) || !number(65_535)) return false;
    dump.tupleExtra = tables.tupleExtra(`type=${type} code=${code} id=${id}`);
    dump.seq = value;
    return true;
  };

  const owner = (dump: Dump): boolean => {
    if (word(words.uid)) {
      if (!number(4_294_967_295)) return false;
      member(dump, `"uid":${value}`);
      if (!word(words.gid) || !number(4_294_967_295)) return false;
      member(dump, `"gid":${value}`);
    }
    dump.mark = -1;
    if (word(words.mark)) {
      if (!hexNumber(4_294_967_295)) return false;
      dump.mark = value;
    }
    return true;
  };

  return {
    scan(from, start, end, dump) {
      bytes = from;
      at = start;
      dump.at = start;
      dump.length = -1;
      dump.extra = '';
      dump.sport = -1;
      dump.dport = -1;
      dump.tupleExtra = 0;
      dump.seq = -1;
      dump.ack = -1;
      dump.window = -1;
      dump.res = -1;
      dump.flags = -1;
      if (!word(words.src)) return -1;
      if (!(bytes[at + 4] === COLON ? ip6(dump) : ip(dump))) return -1;
      if (!word(words.proto)) return -1;
      if (word(words.tcp)) {
        if (!tcp(dump)) return -1;
      } else if (word(words.udp)) {
        if (!udp(dump)) return -1;
      } else if (
        dump.family === IP ? !(word(words.icmp) && icmpEcho(dump, 1)) : !(word(words.icmp6) && icmpEcho(dump, 58))
      )
        return -1;
      if (!owner(dump) || !lineEnd() || at > end) return -1;
      dump.length = at - start;
      return at;
    },
  };
}

const FLAG_BYTES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE'].map(bytesOf);
