// Makes the logs that the bench reads: the same seed gives the same bytes. TRACE logs look like a 5.14+ kernel prints them, LOG logs like
// a busy firewall's.

import { closeSync, openSync, writeSync } from 'node:fs';

export type LogKind = 'uniform' | 'real' | 'log-only';

/** A small generator of numbers (mulberry32), so that runs can be compared. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

interface Clock {
  us: number;
}

/** Boot moment of the made host: wall clock = boot + uptime. */
const BOOT_US = Date.UTC(2026, 2, 3, 4, 5, 6) * 1000 + 789_012;

function envelope(us: number): string {
  const wall = new Date(Math.floor((BOOT_US + us) / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(wall.getUTCHours())}:${two(wall.getUTCMinutes())}:${two(wall.getUTCSeconds())}`;
  const day = String(wall.getUTCDate()).padStart(2, ' ');
  const seconds = String(Math.floor(us / 1e6)).padStart(5, ' ');
  return `${MONTHS[wall.getUTCMonth()]} ${day} ${time} fw kernel: [${seconds}.${String(us % 1e6).padStart(6, '0')}] `;
}

/** Writes about `lines` lines of a kind into a file. @returns the exact number */
export function makeLog(kind: LogKind, lines: number, path: string): number {
  const file = openSync(path, 'w');
  const clock: Clock = { us: 123_456_789 };
  const next = { uniform: uniformLog, real: realLog, 'log-only': logOnly }[kind](seeded(20261121));
  let written = 0;
  let buffer: string[] = [];
  const flush = (): void => {
    writeSync(file, buffer.join(''));
    buffer = [];
  };
  while (written < lines) {
    for (const line of next(clock)) {
      buffer.push(line);
      written++;
    }
    if (buffer.length > 4000) flush();
  }
  flush();
  closeSync(file);
  return written;
}

type Maker = (clock: Clock) => readonly string[];

function uniformLog(random: () => number): Maker {
  const chains = [
    'raw:PREROUTING:policy:2',
    'mangle:PREROUTING:policy:1',
    'nat:PREROUTING:policy:1',
    'mangle:FORWARD:policy:1',
    'filter:FORWARD:rule:1',
    'mangle:POSTROUTING:policy:1',
    'nat:POSTROUTING:rule:1',
  ];
  return (clock) => {
    const dump = `SRC=10.${Math.floor(random() * 4)}.${Math.floor(random() * 256)}.${Math.floor(random() * 256)} DST=198.51.100.${Math.floor(random() * 250)} LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${Math.floor(random() * 65536)} DF PROTO=TCP SPT=${1024 + Math.floor(random() * 60000)} DPT=443 SEQ=${Math.floor(random() * 4294967296)} ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B40402080A${hex8(random)}0000000001030307) `;
    return chains.map((chain) => {
      clock.us += 10;
      return `${envelope(clock.us)}TRACE: ${chain} IN=eth0 OUT=eth1 MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 ${dump}\n`;
    });
  };
}

function hex8(random: () => number): string {
  return Math.floor(random() * 4294967296)
    .toString(16)
    .toUpperCase()
    .padStart(8, '0');
}

interface Flow {
  readonly isIp6: boolean;
  readonly isUdp: boolean;
  readonly client: string;
  readonly front: string;
  readonly back: string;
  readonly sport: number;
  readonly dport: number;
  readonly mac: string;
  seq: number;
  ack: number;
  packets: number;
}

function realLog(random: () => number): Maker {
  const pick = (n: number): number => Math.floor(random() * n);
  const macs = Array.from({ length: 50 }, (_, i) => `02:00:00:00:01:${i.toString(16).padStart(2, '0')}`);
  const flows: Flow[] = Array.from({ length: 400 }, newFlow);
  let id = 1000;

  function newFlow(): Flow {
    const isIp6 = random() < 0.12;
    const isUdp = random() < 0.2;
    const address6 = (net: string): string =>
      `2001:0db8:000${net}:0000:0000:0000:${pick(65536).toString(16).padStart(4, '0')}:${pick(65536).toString(16).padStart(4, '0')}`;
    return {
      isIp6,
      isUdp,
      client: isIp6 ? address6('1') : `192.0.2.${1 + pick(250)}`,
      front: isIp6 ? address6('2') : `203.0.113.${1 + pick(20)}`,
      back: isIp6 ? '' : `198.51.100.${1 + pick(40)}`,
      sport: 20000 + pick(40000),
      dport: isUdp ? 53 : [80, 443, 8080, 25][pick(4)]!,
      mac: macs[pick(50)]!,
      seq: pick(2 ** 32),
      ack: pick(2 ** 32),
      packets: 0,
    };
  }

  const packet = (clock: Clock): { readonly us: number; readonly text: string }[] => {
    const at = pick(flows.length);
    const flow = flows[at]!;
    const isFirst = flow.packets === 0;
    const isReply = !isFirst && random() < 0.45;
    flow.packets++;
    if (flow.packets > 12) flows[at] = newFlow();
    id = (id + 1 + pick(3)) % 65536;
    const length = flow.isUdp ? 60 + pick(200) : isFirst ? 60 : 52 + (random() < 0.5 ? 0 : pick(1400));
    if (isReply) flow.ack = (flow.ack + length) % 2 ** 32;
    else flow.seq = (flow.seq + length) % 2 ** 32;
    const opt = isFirst ? `020405B40402080A${hex8(random)}0000000001030307` : `0101080A${hex8(random)}${hex8(random)}`;
    const window = isFirst ? 64240 : 500 + pick(20);
    const dump = (src: string, dst: string, spt: number, dpt: number, ttl: number): string => {
      const l3 = flow.isIp6
        ? `SRC=${src} DST=${dst} LEN=${length + 20} TC=0 HOPLIMIT=${ttl} FLOWLBL=${200000 + flow.sport} `
        : `SRC=${src} DST=${dst} LEN=${length} TOS=0x00 PREC=0x00 TTL=${ttl} ID=${id} ${flow.isUdp ? '' : 'DF '}`;
      const seq = isReply ? flow.ack : flow.seq;
      const ack = isFirst ? 0 : isReply ? flow.seq : flow.ack;
      const l4 = flow.isUdp
        ? `PROTO=UDP SPT=${spt} DPT=${dpt} LEN=${length - 20} `
        : `PROTO=TCP SPT=${spt} DPT=${dpt} SEQ=${seq} ACK=${ack} WINDOW=${window} RES=0x00 ${isFirst ? 'SYN' : random() < 0.0 ? '' : 'ACK'} URGP=0 OPT (${opt}) `;
      return l3 + l4;
    };
    const inIf = isReply ? 'eth1' : 'eth0';
    const outIf = isReply ? 'eth0' : 'eth1';
    const mac = `MAC=02:00:00:00:00:01:${flow.mac}:${flow.isIp6 ? '86:dd' : '08:00'} `;
    const hasNat = flow.back !== '' && flow.dport !== 25;
    // Destination rewritten on the way in, the reply's source only behind the last rule.
    const before = isReply
      ? dump(hasNat ? flow.back : flow.front, flow.client, flow.dport, flow.sport, 64)
      : dump(flow.client, flow.front, flow.sport, flow.dport, 64);
    const after = isReply
      ? dump(hasNat ? flow.back : flow.front, flow.client, flow.dport, flow.sport, 63)
      : dump(flow.client, hasNat ? flow.back : flow.front, flow.sport, flow.dport, 63);
    let us = clock.us;
    const lines: { us: number; text: string }[] = [];
    const line = (head: string, isOut: boolean, body: string): void => {
      us += 2 + pick(6);
      lines.push({ us, text: `${head}IN=${inIf} OUT=${isOut ? outIf : ''} ${mac}${body}\n` });
    };
    line('TRACE: raw:PREROUTING:policy:2 ', false, before);
    if (!isFirst && random() < 0.02) {
      line(
        random() < 0.5
          ? 'nf_ct_proto_6: invalid packet ignored in state ESTABLISHED '
          : `nf_ct_proto_6: SEQ is over upper bound ${pick(4e9)} (over the window of the receiver) `,
        false,
        before,
      );
      line('TRACE: mangle:PREROUTING:policy:1 ', false, before);
      line('STATE-INVALID ', false, before.replace(/SEQ=\d+ ACK=\d+ /, '').replace(/OPT \([0-9A-F]*\) /, ''));
      return lines;
    }
    line('TRACE: mangle:PREROUTING:policy:1 ', false, before);
    if (isFirst) line(`TRACE: nat:PREROUTING:${hasNat ? 'rule' : 'policy'}:${hasNat ? 3 : 6} `, false, before);
    line('TRACE: mangle:FORWARD:policy:1 ', true, after);
    if (isFirst) {
      line('TRACE: filter:FORWARD:rule:2 ', true, after);
      line(`TRACE: filter:fw-${flow.dport}:return:4 `, true, after);
      line('TRACE: filter:FORWARD:rule:7 ', true, after);
    } else line('TRACE: filter:FORWARD:rule:1 ', true, after);
    line('TRACE: mangle:POSTROUTING:policy:1 ', true, after);
    if (isFirst) line('TRACE: nat:POSTROUTING:policy:2 ', true, after);
    return lines;
  };

  return (clock) => {
    clock.us += 30 + pick(200);
    const first = packet(clock);
    let lines = first;
    if (random() < 0.1) {
      // Two packets on two CPUs at once.
      lines = [...first, ...packet(clock)].sort((a, b) => a.us - b.us);
    }
    clock.us = lines[lines.length - 1]!.us;
    return lines.map(({ us, text }) => envelope(us) + text);
  };
}

function logOnly(random: () => number): Maker {
  const pick = (n: number): number => Math.floor(random() * n);
  const prefixes = [
    '[UFW BLOCK] ',
    '[UFW AUDIT] ',
    '[UFW ALLOW] ',
    'Shorewall:net-fw:DROP:',
    'STATE-NEW ',
    'STATE-INVALID ',
  ];
  const flows = Array.from({ length: 42_000 }, () => ({
    src: `192.0.2.${1 + pick(250)}`,
    dst: `198.51.100.${1 + pick(250)}`,
    sport: 1024 + pick(60000),
    dport: [22, 23, 80, 443, 3389, 5060, 8080, 25][pick(8)]!,
    isUdp: random() < 0.2,
    mac: pick(50).toString(16).padStart(2, '0'),
    prefix: prefixes[pick(prefixes.length)]!,
  }));
  return (clock) => {
    clock.us += 200 + pick(20_000);
    const flow = flows[pick(flows.length)]!;
    const l4 = flow.isUdp
      ? `PROTO=UDP SPT=${flow.sport} DPT=${flow.dport} LEN=${40 + pick(100)} `
      : `PROTO=TCP SPT=${flow.sport} DPT=${flow.dport} WINDOW=${pick(65536)} RES=0x00 ${random() < 0.7 ? 'SYN' : 'ACK FIN'} URGP=0 `;
    return [
      `${envelope(clock.us)}${flow.prefix}IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:01:${flow.mac}:08:00 SRC=${flow.src} DST=${flow.dst} LEN=${40 + pick(1400)} TOS=0x00 PREC=0x00 TTL=${40 + pick(200)} ID=${pick(65536)} ${random() < 0.5 ? 'DF ' : ''}${l4}\n`,
    ];
  };
}
