// Streams that are neither kernel log nor conntrack events: traces of nft and xtables, packets on the wire, NFLOG, changes of the host.

import { createMessageCatalogue } from '../catalogue/match-message.js';
import type { CapturedPacket } from '../model/capture.js';
import type { KernelLine, KernelMessage, Stamp } from '../model/kernel-line.js';
import type { EvidenceRecord } from '../model/record.js';
import { parseKernelMessage } from '../parsers/kernel-message.js';
import { openCaptureWriter, openHostEventWriter } from '../store/capture-writer.js';
import { openTraceWriter } from '../store/trace-writer.js';
import { openTuples } from '../store/tuples.js';
import type { SourceRef, StreamWriter } from './evidence-writer.js';
import { kernelRecordWriter } from './kernel-log/kernel-log-bulk.js';
import { openSourceClocks } from './source-clocks.js';

const catalogue = createMessageCatalogue();
/** Captures stamp in the driver or at the socket; a stream that prints does so some tens of microseconds later. */
const PRINT_ERROR_US = 1000;
/** Traces are stamped by whoever reads them, behind a socket, a program and a pipe. */
const TRACE_STAMP_ERROR_US = 50_000;

/** Traces carry no time of their own; they keep their order. */
export function traceStream(source: SourceRef): StreamWriter {
  const clocks = openSourceClocks(source, TRACE_STAMP_ERROR_US);
  const writer = openTraceWriter(source.db, openTuples(source.db), source.namespaceId);
  return {
    record(record) {
      if (record.kind !== 'trace-step') return;
      const { clockId, clockUs } = clocks.at(
        record.atUs === null ? null : { kind: 'epoch', us: record.atUs },
        record.line,
      );
      writer.step(record.step, record.line, clockId, clockUs);
    },
    // A packet's steps stay together: they are written when the source ends or its id comes again.
    flush() {},
    end: () => writer.flush(),
  };
}

function stampOf({ atUs, stamp }: Pick<CapturedPacket, 'atUs' | 'stamp'>): Stamp | null {
  return atUs === null ? stamp : { kind: 'epoch', us: atUs };
}

/** How finely a capture stamped, as the digits of the stamp itself show: microseconds, or a whole second where there is no fraction. */
function resolutionOf(stamp: Stamp): number {
  const us = stamp.kind === 'wall' ? stamp.usOfDay : stamp.us;
  return us % 1_000_000 === 0 ? 1_000_000 : us % 1000 === 0 ? 1000 : 1;
}

/** What the kernel would have printed for a packet it sent to NFLOG: the prefix decides, as in the log. */
function nflogMessage(captured: CapturedPacket, prefix: string): KernelMessage {
  const message = parseKernelMessage(
    `${prefix}IN= OUT= SRC=192.0.2.1 DST=192.0.2.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=255 `,
    catalogue,
  );
  return 'packet' in message && message.kind !== 'audit'
    ? { ...message, packet: captured.packet }
    : { kind: 'log', prefix, packet: captured.packet };
}

function asKernelRecord(record: EvidenceRecord & { readonly kind: 'captured-packet' }, prefix: string): EvidenceRecord {
  const stamp = stampOf(record.captured);
  const envelope: KernelLine = {
    stamps: stamp === null ? [] : [stamp],
    ...(stamp === null ? {} : { stampResolutionUs: resolutionOf(stamp) }),
    host: null,
    bootId: null,
    sequence: null,
    facility: null,
    severity: null,
    caller: null,
    message: prefix,
    messageAt: 0,
    isOtherProgram: false,
  };
  return { kind: 'kernel', line: record.line, envelope, message: nflogMessage(record.captured, prefix) };
}

/** Packets on the wire; those that a rule sent to NFLOG are evidence of the rule, as lines of the kernel log are. */
export function captureStream(source: SourceRef): StreamWriter {
  const clocks = openSourceClocks(source, PRINT_ERROR_US);
  // NFLOG hands a packet to whoever listens in the namespace that it is of.
  const kernel = kernelRecordWriter(source, source.namespaceId);
  const wire = openCaptureWriter(source.db, openTuples(source.db), (captured, line) => {
    const stamp = stampOf(captured);
    return stamp === null && captured.usOfDay !== null ? clocks.ofDay(captured.usOfDay, line) : clocks.at(stamp, line);
  });
  return {
    record(record) {
      if (record.kind !== 'captured-packet') return;
      if (record.captured.nflog === null) wire.write(record.captured, record.line);
      else kernel.record(asKernelRecord(record, record.captured.nflog.prefix));
    },
    flush() {
      wire.flush();
      kernel.flush();
    },
    end() {
      wire.flush();
      kernel.end();
    },
  };
}

export function hostEventStream(source: SourceRef): StreamWriter {
  const clocks = openSourceClocks(source, PRINT_ERROR_US);
  const writer = openHostEventWriter(source.db, (event, line) => clocks.at(stampOf(event), line));
  return {
    record(record) {
      if (record.kind === 'host-event') writer.write(record.event, record.line);
    },
    flush: writer.flush,
    end: writer.flush,
  };
}
