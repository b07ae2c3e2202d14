// Fits the kernel log's own reader into the ingest: as the reader of text logs, and as the writer of kernel lines that other forms
// (journal exports, JSON, audit) have taken out of their wrapping.

import type { KernelLine, KernelMessage } from '../../model/kernel-line.js';
import { addClockSample, forgetClockSample } from '../../store/clocks.js';
import { bootOf } from '../../store/hosts.js';
import { latestYear } from '../calendar.js';
import { offsetOf } from '../clock-axis.js';
import type { SourceRef, StreamWriter } from '../evidence-writer.js';
import type { BulkOpener } from '../read-source.js';
import { bootBounds } from './clock-tracker.js';
import { KERNEL_LOG_FORM, type KernelLog, openKernelLog } from './open-kernel-log.js';
import { parseSlow } from './parse-slow.js';

const NEWLINE = 0x0a;
const DAY_US = 86_400_000_000;

export interface KernelLogFacts {
  /** --year; NULL: worked out from the first stamp. */
  readonly year: number | null;
  /** Date of the first stamp that names no year; NULL: none does. */
  readonly firstDate: { readonly month: number; readonly day: number } | null;
  readonly sizeBytes: number | null;
}

function assumedYear(source: SourceRef, facts: KernelLogFacts): number | null {
  if (facts.year !== null) return facts.year;
  return facts.firstDate === null ? null : latestYear(facts.firstDate.month, facts.firstDate.day, source.notAfterUs);
}

/** The reader of kernel log text. */
export function kernelLogBulk(source: SourceRef, facts: KernelLogFacts): BulkOpener {
  return {
    form: KERNEL_LOG_FORM,
    open({ firstLine, state, onForeign, onUnread }) {
      const log = openKernelLog({
        db: source.db,
        sourceId: source.sourceId,
        bootId: source.bootId,
        firstLine,
        hints: { assumedYear: assumedYear(source, facts), sizeBytes: facts.sizeBytes },
        parseSlow,
        onForeignLine: onForeign,
        onUnread: (line, _form, reason, at) => onUnread(line, reason, at),
        resume: typeof state === 'string' ? state : null,
      });
      // Counted already where reading goes on.
      let told = recordsOf(log);
      const sampled: SampledClocks = { at: new Map(), isResumed: typeof state === 'string' };
      return {
        form: KERNEL_LOG_FORM,
        lines(bytes, start, end) {
          log.feed(bytes.subarray(start, end));
          let lines = 0;
          for (let at = bytes.indexOf(NEWLINE, start); at >= 0 && at < end; at = bytes.indexOf(NEWLINE, at + 1))
            lines++;
          return bytes[end - 1] === NEWLINE ? lines : lines + 1;
        },
        flush() {
          const { openState } = log.checkpoint();
          // Others ask about the rows while reading goes on, and a call that is stopped here has times, too.
          noteClocks(source, log, facts, sampled);
          return openState;
        },
        end() {
          log.end();
          noteClocks(source, log, facts, sampled);
        },
        takeCounts() {
          const now = recordsOf(log);
          const fresh = { records: now - told, unread: 0 };
          told = now;
          return fresh;
        },
      };
    },
  };
}

function recordsOf(log: KernelLog): number {
  const { packetLines, notices } = log.stats();
  return packetLines + notices;
}

/** Where each clock was sampled last. A log whose two clocks disagree has a stretch every few lines: none is looked for twice. */
interface SampledClocks {
  readonly at: Map<number, number>;
  /** An earlier reader may have noted samples that are not in the map. */
  readonly isResumed: boolean;
}

/** What the lines told of their clocks goes to the store: boots, samples of two clocks in one line, years that were only assumed. */
function noteClocks(
  { db, hostId, notAfterUs }: SourceRef,
  log: KernelLog,
  facts: KernelLogFacts,
  sampled: SampledClocks,
): void {
  const boots = new Map<number, number>();
  const setBoot = db.prepare('UPDATE clocks SET boot_id = ? WHERE id = ? AND boot_id IS NULL');
  const boot = db.prepare('SELECT boot_id FROM clocks WHERE id = ?').pluck();
  const setMethod = db.prepare("UPDATE clocks SET method = 'assumed-year' WHERE id = ?");
  for (const stretch of log.clockStretches()) {
    const isYearGuessed = stretch.isYearAssumed && facts.year === null && !isConfirmed(stretch, notAfterUs);
    if (stretch.kind === 'wall' && isYearGuessed) setMethod.run(stretch.clockId);
    if (stretch.kind !== 'uptime') continue;
    let bootId = boot.get(stretch.clockId) as number | null;
    if (bootId === null) {
      bootId = boots.get(stretch.boot) ?? bootOf(db, hostId, null);
      setBoot.run(bootId, stretch.clockId);
    }
    boots.set(stretch.boot, bootId);
    if (stretch.sampleKind === null || stretch.samples === 0) continue;
    const bounds = bootBounds(stretch);
    if (bounds === null) continue;
    const { offsetUs, errorUs } = offsetOf(bounds);
    const before = sampled.at.get(stretch.clockId);
    if (before === stretch.lastUs) continue;
    sampled.at.set(stretch.clockId, stretch.lastUs);
    const how = `${stretch.sampleKind}${isYearGuessed ? '-year-assumed' : ''}:${stretch.clockId}`;
    // A later sample of a stretch says more than the one before it.
    if (before !== undefined || sampled.isResumed) forgetClockSample(db, bootId, how, before ?? null);
    addClockSample(db, {
      bootId,
      uptimeUs: stretch.lastUs,
      epochUs: stretch.lastUs + offsetUs,
      errorUs: Math.max(1, errorUs),
      how,
    });
  }
}

/** A log that ends on the day its file was last written is of that year. */
function isConfirmed(
  stretch: { readonly kind: string; readonly lastUs: number; readonly bootHighUs: number },
  notAfterUs: number,
): boolean {
  const last = stretch.kind === 'uptime' ? stretch.lastUs + stretch.bootHighUs : stretch.lastUs;
  return Number.isFinite(last) && last > notAfterUs - 2 * DAY_US && last < notAfterUs + DAY_US;
}

/**
 * The writer of kernel lines that were wrapped in another form.
 * @param namespaceId the network namespace that they are of, where their way tells it; lines of the kernel log do not
 */
export function kernelRecordWriter(source: SourceRef, namespaceId: number | null = null): StreamWriter {
  const waiting = new Map<string, { readonly envelope: KernelLine; readonly message: KernelMessage }>();
  let log: KernelLog | null = null;
  /** To read on where a log that was closed while nothing came left off. */
  let resume: string | null = null;
  let nextLine = 1;
  let isEnded = false;
  const sampled: SampledClocks = { at: new Map(), isResumed: false };
  const facts: KernelLogFacts = { year: null, firstDate: null, sizeBytes: null };
  return {
    record(record) {
      if (record.kind !== 'kernel') return;
      if (log === null) {
        nextLine = resume === null ? record.line : nextLine;
        log = openKernelLog({
          db: source.db,
          sourceId: source.sourceId,
          namespaceId,
          bootId: source.bootId,
          firstLine: nextLine,
          resume,
          hints: { assumedYear: null, sizeBytes: null },
          // The line itself is only a ticket: what it says was read by its own form.
          parseSlow: (line) => waiting.get(line) ?? parseSlow(line),
          onForeignLine: () => {},
          onUnread: () => {},
        });
      }
      // Lines keep their numbers: what lies between two records was read by the form, too.
      const ticket = `\u0001${record.line}`;
      const gap = Math.max(0, record.line - nextLine);
      waiting.set(ticket, record);
      log.feed(Buffer.from(`${'\n'.repeat(gap)}${ticket}\n`));
      nextLine = Math.max(nextLine, record.line) + 1;
      if (waiting.size > 1000) waiting.clear();
    },
    flush() {
      if (isEnded || log === null) return;
      log.checkpoint();
      noteClocks(source, log, facts, sampled);
    },
    waiting: {
      isAny: () => log !== null && !isEnded,
      release() {
        if (log === null) return;
        log.end();
        resume = log.checkpoint().openState;
        noteClocks(source, log, facts, sampled);
        log = null;
      },
    },
    end() {
      if (isEnded || log === null) return;
      isEnded = true;
      log.end();
      noteClocks(source, log, facts, sampled);
    },
  };
}
