// A model of a router's hooks that prints the lines of each packet and remembers whose they are: the truth that joined journeys are held against.

import { seeded } from '../../../bench/make-logs.js';

export interface TrafficOptions {
  readonly seed: number;
  readonly packets: number;
  /** How IPv4 ids are given: one after another, always 0, or one of three. */
  readonly ids: 'counting' | 'zero' | 'repeated';
  /** Processors whose lines interleave. */
  readonly cpus: number;
  /** Share of packets sent again, exactly alike, within 5 ms. */
  readonly twins: number;
  /** Share of lines the ring buffer lost. */
  readonly lost: number;
}

export interface Traffic {
  readonly text: string;
  /** Packet of each line, index 0 is line 1. */
  readonly owners: readonly number[];
  readonly packets: number;
}

interface Line {
  readonly us: number;
  readonly text: string;
  readonly packet: number;
}

export function makeTraffic(options: TrafficOptions): Traffic {
  const random = seeded(options.seed);
  const pick = (n: number): number => Math.floor(random() * n);
  const cpuFreeAt = Array.from({ length: options.cpus }, () => 10_000_000);
  const lines: Line[] = [];
  let id = 1;

  const send = (packet: number, make: Shape, notBefore: number): number => {
    // The processor that is free first takes the packet.
    const cpu = cpuFreeAt.indexOf(Math.min(...cpuFreeAt));
    let us = Math.max(cpuFreeAt[cpu]!, notBefore) + pick(40);
    const began = us;
    for (const text of way(make)) {
      us += 1 + pick(8);
      if (random() >= options.lost) lines.push({ us, text, packet });
    }
    cpuFreeAt[cpu] = us;
    return began;
  };

  for (let packet = 0; packet < options.packets; packet++) {
    id = (id + 1) % 65_536;
    const shape = newShape(
      random,
      pick,
      options.ids === 'counting' ? id : options.ids === 'zero' ? 0 : 7 + pick(3),
      packet,
    );
    const began = send(packet, shape, 0);
    if (random() < options.twins) send(options.packets + packet, shape, began + pick(5000));
  }
  lines.sort((a, b) => a.us - b.us);
  return {
    text: lines
      .map(
        (line) =>
          `[${String(Math.floor(line.us / 1e6)).padStart(5)}.${String(line.us % 1e6).padStart(6, '0')}] ${line.text} \n`,
      )
      .join(''),
    owners: lines.map((line) => line.packet),
    packets: new Set(lines.map((line) => line.packet)).size,
  };
}

interface Shape {
  readonly way: 'forward' | 'input' | 'output';
  readonly isFirst: boolean;
  readonly isInvalid: boolean;
  /** Index of the line behind which a rule drops it; -1: it arrives. */
  readonly droppedAt: number;
  readonly hasLog: boolean;
  readonly isTwiceInUserChain: boolean;
  readonly isUdp: boolean;
  readonly src: string;
  readonly dst: string;
  readonly natDst: string | null;
  readonly dport: number;
  readonly natPort: number;
  readonly sport: number;
  readonly l3: string;
  readonly l4: string;
  readonly logL4: string;
}

function newShape(random: () => number, pick: (n: number) => number, id: number, packet: number): Shape {
  const way = (['forward', 'forward', 'input', 'output'] as const)[pick(4)]!;
  const isFirst = random() < 0.4;
  const isUdp = random() < 0.3;
  const length = isUdp ? 60 + pick(4) : 52;
  // Every TCP packet carries its number as its sequence number; UDP ones have nothing but their ports.
  const window = 64_240;
  return {
    way,
    isFirst,
    isInvalid: !isFirst && random() < 0.2,
    droppedAt: random() < 0.2 ? 1 + pick(6) : -1,
    hasLog: random() < 0.3,
    isTwiceInUserChain: random() < 0.2,
    isUdp,
    src: way === 'output' ? '203.0.113.1' : `192.0.2.${1 + pick(3)}`,
    dst: way === 'input' ? '203.0.113.1' : `198.51.100.${1 + pick(3)}`,
    natDst: isFirst && random() < 0.5 && way !== 'input' ? `198.51.100.${100 + pick(2)}` : null,
    sport: 40_000 + pick(4),
    dport: 80,
    natPort: 8080,
    l3: `LEN=${length} TOS=0x00 PREC=0x00`,
    l4: isUdp
      ? `LEN=${length - 20}`
      : `SEQ=${packet} ACK=0 WINDOW=${window} RES=0x00 ${isFirst ? 'SYN' : 'ACK'} URGP=0`,
    logL4: isUdp ? `LEN=${length - 20}` : `WINDOW=${window} RES=0x00 ${isFirst ? 'SYN' : 'ACK'} URGP=0`,
    ...{ id },
  } as Shape;
}

/** The lines of one packet in the order the kernel prints them. */
function way(shape: Shape): readonly string[] {
  const id = (shape as Shape & { id: number }).id;
  const dump = (isTranslated: boolean, ttl: number, l4: string): string => {
    const dst = isTranslated && shape.natDst !== null ? shape.natDst : shape.dst;
    const dport = isTranslated && shape.natDst !== null ? shape.natPort : shape.dport;
    return `SRC=${shape.src} DST=${dst} ${shape.l3} TTL=${ttl} ID=${id} DF PROTO=${shape.isUdp ? 'UDP' : 'TCP'} SPT=${shape.sport} DPT=${dport} ${l4}`;
  };
  const mac = 'MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 ';
  const before = shape.way === 'output' ? 'IN= OUT=eth1 ' : `IN=eth0 OUT= ${mac}`;
  const after =
    shape.way === 'forward'
      ? `IN=eth0 OUT=eth1 ${mac}`
      : shape.way === 'input'
        ? `IN=eth0 OUT= ${mac}`
        : 'IN= OUT=eth1 ';
  const ttl = shape.way === 'forward' ? 63 : 64;
  const hook = shape.way === 'output' ? 'OUTPUT' : 'PREROUTING';
  const next = { forward: 'FORWARD', input: 'INPUT', output: 'OUTPUT' }[shape.way];
  const early = (rule: string): string => `TRACE: ${rule} ${before}${dump(false, 64, shape.l4)}`;
  const late = (rule: string): string => `TRACE: ${rule} ${after}${dump(true, ttl, shape.l4)}`;
  const lines = [early(`raw:${hook}:policy:2`)];
  if (shape.isInvalid && !shape.isUdp)
    lines.push(`nf_ct_proto_6: invalid packet ignored in state ESTABLISHED ${before}${dump(false, 64, shape.l4)}`);
  if (shape.hasLog) lines.push(`STATE-${shape.isInvalid ? 'INVALID' : 'NEW'} ${before}${dump(false, 64, shape.logL4)}`);
  lines.push(early(`mangle:${hook}:policy:1`));
  if (shape.isFirst && !shape.isInvalid) lines.push(early(`nat:${hook}:rule:1`));
  if (next !== 'OUTPUT') lines.push(late(`mangle:${next}:policy:1`));
  lines.push(late(`filter:${next}:rule:1`), late('filter:checks:rule:2'), late('filter:checks:return:4'));
  if (shape.isTwiceInUserChain)
    lines.push(late(`filter:${next}:rule:3`), late('filter:checks:rule:2'), late('filter:checks:return:4'));
  if (shape.hasLog) lines.push(`ACCEPTED ${after}${dump(true, ttl, shape.logL4)}`);
  lines.push(late(`filter:${next}:policy:5`));
  if (shape.way !== 'input') lines.push(late('mangle:POSTROUTING:policy:1').replace(/IN=eth0 /, 'IN=eth0 '));
  if (shape.way !== 'input' && shape.isFirst && !shape.isInvalid) lines.push(late('nat:POSTROUTING:policy:1'));
  return shape.droppedAt < 0 ? lines : lines.slice(0, shape.droppedAt);
}
