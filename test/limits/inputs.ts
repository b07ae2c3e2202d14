// Makes large inputs of each form quickly: every record is another connection, the worst case for whatever is remembered.

import { closeSync, openSync, writeSync } from 'node:fs';

export type InputForm = 'log' | 'kmsg' | 'listing' | 'events' | 'pcap';

/** Client of the n-th connection: 198.18.0.0/15, the addresses for measurements (RFC 2544). */
function client(n: number): string {
  return `198.${18 + ((n >>> 16) & 1)}.${(n >>> 8) & 255}.${n & 255}`;
}

function port(n: number): number {
  return 1024 + (n % 60_000);
}

function dump(n: number): string {
  return `SRC=${client(n)} DST=192.0.2.7 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${n & 0xffff} DF PROTO=TCP SPT=${port(n)} DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 `;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function logLine(n: number): string {
  const s = 1000 + Math.floor(n / 1000);
  const stamp = `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return `Mar  3 ${stamp} gw kernel: [${String(s).padStart(5)}.${String((n % 1000) * 1000).padStart(6, '0')}] STATE-NEW IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 ${dump(n)}\n`;
}

function kmsgLine(n: number): string {
  return `4,${n + 1},${1_000_000_000 + n * 1000},-;STATE-NEW IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 ${dump(n)}\n`;
}

function listingLine(n: number): string {
  const address = client(n);
  return `tcp      6 ${n % 430_000} ESTABLISHED src=${address} dst=192.0.2.7 sport=${port(n)} dport=443 src=192.0.2.7 dst=${address} sport=443 dport=${port(n)} [ASSURED] mark=0 use=1\n`;
}

function eventLine(n: number): string {
  const address = client(n);
  const [head, end] =
    n % 2 === 0 ? ['    [NEW] tcp      6 120 SYN_SENT', '[UNREPLIED] '] : ['[DESTROY] tcp      6', ''];
  const one = n >>> 1;
  return `[${1_700_000_000 + Math.floor(n / 1000)}.${String((n % 1000) * 1000).padStart(6, '0')}]\t${head} src=${address} dst=192.0.2.7 sport=${port(one)} dport=443 ${end}src=192.0.2.7 dst=${address} sport=443 dport=${port(one)} id=${one + 1}\n`;
}

function pcapPacket(n: number): Buffer {
  const packet = Buffer.alloc(16 + 54);
  packet.writeUInt32LE(1_700_000_000 + Math.floor(n / 1000), 0);
  packet.writeUInt32LE((n % 1000) * 1000, 4);
  packet.writeUInt32LE(54, 8);
  packet.writeUInt32LE(54, 12);
  const frame = packet.subarray(16);
  frame.writeUInt16BE(0x0800, 12);
  frame.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0], 14);
  frame.set([198, 18 + ((n >>> 16) & 1), (n >>> 8) & 255, n & 255, 192, 0, 2, 7], 26);
  frame.writeUInt16BE(port(n), 34);
  frame.writeUInt16BE(443, 36);
  frame.writeUInt32BE(n, 38);
  frame.set([0x50, 0x10, 1, 0xf4], 46);
  return packet;
}

const PCAP_HEAD = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');

const LINES: Readonly<Record<Exclude<InputForm, 'pcap'>, (n: number) => string>> = {
  log: logLine,
  kmsg: kmsgLine,
  listing: listingLine,
  events: eventLine,
};

/** Writes so many records of a form into a file. */
export function makeInput(form: InputForm, records: number, path: string): void {
  const file = openSync(path, 'w');
  if (form === 'pcap') writeSync(file, PCAP_HEAD);
  for (let from = 0; from < records; from += 5000) {
    const count = Math.min(5000, records - from);
    const numbers = Array.from({ length: count }, (_, i) => from + i);
    writeSync(
      file,
      form === 'pcap' ? Buffer.concat(numbers.map(pcapPacket)) : Buffer.from(numbers.map(LINES[form]).join('')),
    );
  }
  closeSync(file);
}
