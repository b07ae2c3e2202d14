// What did the kernel log say since we began, about our hosts? Reads /dev/kmsg beside all other readers and clears nothing.

import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { nowUs } from './clock.js';
import { holdSwitch } from './shared-switch.js';

const LOG_ALL_NAMESPACES = '/proc/sys/net/netfilter/nf_log_all_netns';
/** Who has it on now: several labs may record at once. */
const HOLDERS = '/run/ctwhylab-nf_log_all_netns';
const RECORD_BYTES = 8192;
const POLL_MS = 2;

/** One record of /dev/kmsg. raw is the record as it was read, with continuation lines and the final newline. */
export interface KmsgRecord {
  readonly priority: number;
  readonly facility: number;
  readonly sequence: number;
  readonly uptimeUs: number;
  readonly text: string;
  readonly raw: string;
  /** When we read it, as a syslog daemon would have stamped it: microseconds since the epoch. */
  readonly readAtUs: number;
}

/** One reading of both clocks: the kernel log's own and the epoch. errorUs is the most that it can be off. */
export interface ClockSample {
  readonly uptimeUs: number;
  readonly epochUs: number;
  readonly errorUs: number;
}

export interface KernelLog {
  /** Records since the start that belong to us, oldest first. */
  records(isOurs: (text: string) => boolean): KmsgRecord[];
  /** Records that the kernel overwrote before they were read. */
  lost(): number;
  /** True when somebody else switched nf_log_all_netns while we were recording: lines may be missing. */
  wasMuted(): boolean;
  /** Writes one line of ours into the log and reads its time back. */
  sampleClock(): ClockSample;
  close(): void;
}

/** Begins to read at the present end of the log, with nf_log_all_netns on. Needs root. */
export function openKernelLog(): KernelLog {
  const file = openSync('/dev/kmsg', constants.O_RDWR | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(RECORD_BYTES);
  const kept: KmsgRecord[] = [];
  let lastSequence: number | null = null;
  let lost = 0;
  let muted = false;
  let markCount = 0;

  function readAll(isKept: boolean): void {
    for (;;) {
      let size: number;
      try {
        size = readSync(file, buffer, 0, RECORD_BYTES, null);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'EPIPE') continue; // Overrun: the next read gives the oldest record that is left.
        if (code === 'EAGAIN') return;
        throw error;
      }
      const record = parseKmsgRecord(buffer.toString('utf8', 0, size), nowUs());
      if (record === null) continue;
      if (lastSequence !== null && record.sequence > lastSequence + 1) lost += record.sequence - lastSequence - 1;
      lastSequence = record.sequence;
      if (isKept) kept.push(record);
    }
  }

  readAll(false);
  lost = 0;
  const held = holdSwitch(LOG_ALL_NAMESPACES, '1', HOLDERS);
  const timer = setInterval(() => {
    readAll(true);
    if (readFileSync(LOG_ALL_NAMESPACES, 'utf8').trim() !== '1') {
      muted = true;
      writeFileSync(LOG_ALL_NAMESPACES, '1');
    }
  }, POLL_MS);

  return {
    records(isOurs) {
      readAll(true);
      return kept.filter((record) => isOurs(record.text));
    },
    lost: () => lost,
    wasMuted: () => muted,
    sampleClock() {
      const mark = `ctwhy-lab[${process.pid}]: clock ${++markCount}`;
      nowUs(); // Brings the clock up to date first, which may take a millisecond.
      const before = nowUs();
      writeSync(file, `<14>${mark}\n`);
      const after = nowUs();
      readAll(true);
      const record = kept.find((one) => one.text === mark);
      if (record === undefined) throw new Error('our own line did not come back from /dev/kmsg');
      const half = (after - before) / 2;
      return { uptimeUs: record.uptimeUs, epochUs: before + half, errorUs: half };
    },
    close() {
      clearInterval(timer);
      closeSync(file);
      held.release();
    },
  };
}

/** `6,1234,5678901,-;text` with continuation lines that begin with a blank (Documentation/ABI/testing/dev-kmsg); null otherwise. */
export function parseKmsgRecord(raw: string, readAtUs: number): KmsgRecord | null {
  const head = /^(\d+),(\d+),(\d+),[^;]*;([^\n]*)/.exec(raw);
  if (head === null) return null;
  const word = Number(head[1]);
  return {
    priority: word & 7,
    facility: word >> 3,
    sequence: Number(head[2]),
    uptimeUs: Number(head[3]),
    text: (head[4] ?? '').replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    raw,
    readAtUs,
  };
}
