// The readers of a capture: bound before anything is switched on, each into a spool of its own, and each says afterwards from when to when
// it could have shown something, and how much it lost.

import type { ReadHost } from '../../host/host.js';
import { netlinkListener } from '../../host/netlink-listener.js';
import type { ScratchFile } from '../../host/new-file.js';
import { openKernelRing } from '../../sources/kmsg.js';
import { type ManifestPart, quoted, secondsText } from '../../survey/bundle/manifest.js';
import { readNflogUsers } from '../../survey/listeners.js';
import { FailedError } from '../../text/errors.js';
import { openSpool, type Spool } from './spool.js';

export interface ReaderDeps {
  readonly host: ReadHost;
  readonly nowUs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly openScratch: () => ScratchFile;
  /** Of one source on disk; then the oldest goes. */
  readonly mostBytes: number;
}

/** How a reader ended, for the manifest. */
export interface Read extends ManifestPart {
  readonly coverage: readonly string[];
  readonly spool: Spool;
}

export interface Reader {
  readonly name: string;
  /** What the kernel threw away because we were too slow, so far. */
  lost(): number;
  stop(): Promise<Read>;
}

/** A program is bound within ten seconds, or it never will be. */
const LOOK_MS = 20;
const MOST_LOOKS = 500;
const NEWLINE = 0x0a;

/** Hands on whole lines; the rest waits for more. */
function lineCutter(onLines: (lines: Uint8Array) => void): { push(chunk: Uint8Array): void; end(): void } {
  let rest: Uint8Array = new Uint8Array(0);
  return {
    push(chunk) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end === 0) {
        rest = Buffer.concat([rest, chunk]);
        return;
      }
      onLines(rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([rest, chunk.subarray(0, end)]));
      rest = Buffer.from(chunk.subarray(end));
    },
    end() {
      if (rest.length > 0) onLines(Buffer.concat([rest, Buffer.from('\n')]));
      rest = new Uint8Array(0);
    },
  };
}

/** How a program listens, and what its output can prove. */
export interface ProgramReading {
  readonly file: string;
  readonly program: string;
  readonly args: readonly string[];
  /** What it covers; with a reason where only a part is asked for. */
  readonly covers: readonly { readonly what: string; readonly why: string | null }[];
  /** Its lines carry no time: the time of reading is put before each. */
  readonly isStamped: boolean;
  readonly onLine: (line: string, atUs: number) => void;
}

/** Starts a program that listens to netlink, and waits until it does. @throws FailedError with what it complained of */
export async function readProgram(deps: ReaderDeps, reading: ProgramReading): Promise<Reader> {
  const { host, nowUs } = deps;
  const spool = openSpool(deps.openScratch, deps.mostBytes);
  const startedAtUs = nowUs();
  const output = host.pipe(reading.program, reading.args, { isApart: true });
  let hasEnded = false;
  void output.ended.then(() => {
    hasEnded = true;
  });
  const cutter = lineCutter((lines) => {
    const atUs = nowUs();
    const text = Buffer.from(lines.buffer, lines.byteOffset, lines.length).toString('latin1');
    const whole = text.slice(0, -1).split('\n');
    if (reading.isStamped)
      spool.append(Buffer.from(whole.map((line) => `${secondsText(atUs)} ${line}\n`).join(''), 'latin1'), atUs);
    else spool.append(lines, atUs);
    for (const line of whole) reading.onLine(line, atUs);
  });
  let failure: unknown = null;
  const pump = (async () => {
    try {
      for await (const chunk of output.stdout) cutter.push(chunk as Uint8Array);
      cutter.end();
    } catch (error) {
      failure = error; // a full disk, or a stream that was stopped
    }
  })();
  let pid: number | null = null;
  void output.pid.then((started) => {
    pid = started;
  });
  const listening = () => (pid === null ? null : netlinkListener(host, pid));
  for (let looks = 0; looks < MOST_LOOKS && listening() === null && !hasEnded; looks++) await deps.sleep(LOOK_MS);
  const command = [reading.program, ...reading.args].join(' ');
  if (listening() === null) {
    output.stop();
    const { stderr, exitStatus } = await output.ended;
    await pump;
    spool.discard();
    throw new FailedError(`${command} does not listen: ${stderr.trim().split('\n')[0] || `exit status ${exitStatus}`}`);
  }
  const boundAtUs = nowUs();
  let lost = 0;
  const look = (): number => {
    lost = listening()?.dropped ?? lost;
    return lost;
  };
  return {
    name: reading.file,
    lost: look,
    async stop() {
      look();
      const endedAtUs = nowUs();
      const endedEarly = hasEnded;
      output.stop();
      const { stderr } = await output.ended;
      await pump;
      if (failure !== null && (failure as { code?: string }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw failure;
      const from = spool.keptFromUs() ?? boundAtUs;
      const isLossy = lost > 0 || /ENOBUFS|losing events/i.test(stderr);
      const state = endedEarly || isLossy ? 'lost' : null;
      const says = endedEarly
        ? `it ended by itself: ${stderr.trim().split('\n')[0] ?? ''}`
        : `the kernel threw away ${lost === 0 ? 'some' : lost} messages: the program was too slow`;
      return {
        file: reading.file,
        moment: null,
        startedAtUs,
        endedAtUs,
        exitStatus: 0,
        error: '',
        command,
        spool,
        coverage: reading.covers.map(({ what, why }) => {
          const one = state ?? (why === null ? 'complete' : 'limited');
          const reason = state !== null ? says : why;
          return coverageLine(what, one, from, endedAtUs, reason);
        }),
      };
    },
  };
}

/**
 * Reads the kernel's ring buffer from its present end on.
 * @param onRecord takes the message of a record as it was printed, and its time since boot
 */
export async function readKernelLog(
  deps: ReaderDeps,
  onRecord: (message: string, uptimeUs: number) => void,
): Promise<Reader> {
  const { nowUs } = deps;
  const spool = openSpool(deps.openScratch, deps.mostBytes);
  const startedAtUs = nowUs();
  const ring = openKernelRing();
  let isAtEnd = false;
  let failure: unknown = null;
  let last = -1;
  let lost = 0;
  const cutter = lineCutter((lines) => {
    spool.append(lines, nowUs());
    const text = Buffer.from(lines.buffer, lines.byteOffset, lines.length).toString('latin1');
    for (const line of text.slice(0, -1).split('\n')) {
      const record = /^\d+,(\d+),(\d+),[^;]*;(.*)$/.exec(line);
      if (record === null) continue;
      const sequence = Number(record[1]);
      if (last >= 0 && sequence > last + 1) lost += sequence - last - 1;
      last = sequence;
      onRecord(record[3]!, Number(record[2]));
    }
  });
  const pump = (async () => {
    try {
      for await (const chunk of ring.chunks) {
        if (isAtEnd) cutter.push(chunk);
        // Only an empty chunk tells that what was in it before is behind us.
        else if (chunk.length === 0 && ring.hasCaughtUp()) isAtEnd = true;
      }
      cutter.end();
    } catch (error) {
      failure = error;
    }
  })();
  for (let looks = 0; looks < MOST_LOOKS && !isAtEnd && failure === null; looks++) await deps.sleep(LOOK_MS);
  if (!isAtEnd) failure ??= new FailedError('the kernel log fills faster than it can be read');
  if (failure !== null) {
    ring.stop();
    spool.discard();
    throw failure;
  }
  const boundAtUs = nowUs();
  return {
    name: 'kern.log',
    lost: () => lost,
    async stop() {
      const endedAtUs = nowUs();
      ring.stop();
      await pump;
      if (failure !== null) throw failure;
      const from = spool.keptFromUs() ?? boundAtUs;
      return {
        file: 'kern.log',
        moment: null,
        startedAtUs,
        endedAtUs,
        exitStatus: 0,
        error: '',
        command: 'cat /dev/kmsg',
        spool,
        coverage: [
          lost > 0
            ? coverageLine('log', 'lost', from, endedAtUs, `${lost} records were overwritten before they were read`)
            : coverageLine('log', 'complete', from, endedAtUs, null),
        ],
      };
    },
  };
}

/** Beyond that packets are let go, and it is said: a capture file cannot lose its beginning. */
const MOST_PCAP_BYTES = 512 << 20;

/**
 * Reads a group of NFLOG by tcpdump.
 * @param onPackets takes the bytes of the capture file as they come
 * @throws FailedError with what tcpdump complained of
 */
export async function readNflog(
  deps: ReaderDeps,
  group: number,
  onPackets: (bytes: Uint8Array) => void,
): Promise<Reader> {
  const { host, nowUs } = deps;
  const spool = openSpool(deps.openScratch, Number.POSITIVE_INFINITY);
  const startedAtUs = nowUs();
  // As root: who it would become could not be ended together with us.
  const args = ['-i', `nflog:${group}`, '-n', '-U', '-s', '0', '-Z', 'root', '-w', '-'];
  const output = host.pipe('tcpdump', args, { isApart: true });
  let hasEnded = false;
  void output.ended.then(() => {
    hasEnded = true;
  });
  let letGo = 0;
  let failure: unknown = null;
  const pump = (async () => {
    try {
      for await (const chunk of output.stdout) {
        const bytes = chunk as Uint8Array;
        if (spool.sizeBytes() + bytes.length > MOST_PCAP_BYTES) letGo += bytes.length;
        else if (letGo === 0) spool.append(bytes, nowUs());
        onPackets(bytes);
      }
    } catch (error) {
      failure = error;
    }
  })();
  const isBound = () => (readNflogUsers(host) ?? []).some((user) => user.group === group);
  for (let looks = 0; looks < MOST_LOOKS && !isBound() && !hasEnded; looks++) await deps.sleep(LOOK_MS);
  const command = ['tcpdump', ...args].join(' ');
  if (hasEnded || !isBound()) {
    output.stop();
    const { stderr } = await output.ended;
    await pump;
    spool.discard();
    throw new FailedError(`${command} does not listen: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  }
  const boundAtUs = nowUs();
  return {
    name: 'nflog.pcap',
    lost: () => 0,
    async stop() {
      const endedAtUs = nowUs();
      const endedEarly = hasEnded;
      output.stop();
      const { stderr } = await output.ended;
      await pump;
      if (failure !== null && (failure as { code?: string }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw failure;
      const dropped = Number(/(\d+) packets? dropped by kernel/.exec(stderr)?.[1] ?? 0);
      const why = endedEarly
        ? `tcpdump ended by itself: ${stderr.trim().split('\n').at(-1) ?? ''}`
        : dropped > 0
          ? `the kernel dropped ${dropped} packets before tcpdump took them`
          : letGo > 0
            ? `more than ${MOST_PCAP_BYTES >> 20} MB: ${letGo} bytes were let go`
            : null;
      return {
        file: 'nflog.pcap',
        moment: null,
        startedAtUs,
        endedAtUs,
        exitStatus: 0,
        error: '',
        command,
        spool,
        coverage: [coverageLine('nflog', why === null ? 'complete' : 'lost', boundAtUs, endedAtUs, why)],
      };
    },
  };
}

/** A line of the manifest: from when to when a source could show something. */
export function coverageLine(what: string, state: string, fromUs: number, toUs: number, why: string | null): string {
  const reason = why === null ? '' : ` why=${quoted(why)}`;
  return `coverage ${what} state=${state} from=${secondsText(fromUs)} to=${secondsText(toUs)}${reason}`;
}
