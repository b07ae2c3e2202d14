// Reads a text with the kernel-log reader and gives its packets back in a form that tests can compare.

import { parseSlow } from '../../../../src/ingest/kernel-log/parse-slow.js';
import { openParserHere } from '../../../../src/ingest/kernel-log/parser.js';
import type {
  HeadRow,
  NoticeRow,
  PacketBatch,
  ShapeRow,
  StepRow,
  TupleRow,
} from '../../../../src/store/packet-batch.js';
import { COLUMNS, WIDTH } from '../../../../src/store/packet-batch.js';

export interface ReadPacket {
  readonly clock: number;
  readonly clockUs: number;
  readonly lines: readonly number[];
  readonly stepUs: readonly number[];
  readonly heads: readonly string[];
  readonly shapes: readonly string[];
  readonly slots: readonly number[];
  readonly ttlLost: readonly number[];
  readonly tuples: readonly TupleRow[];
  readonly mac: string | null;
  readonly fields: Readonly<Record<string, number | null>>;
  readonly extra: Readonly<Record<string, unknown>>;
}

export interface ReadLog {
  readonly packets: readonly ReadPacket[];
  readonly notices: readonly NoticeRow[];
  readonly unread: readonly number[];
  readonly foreign: readonly number[];
  readonly slowLines: number;
  readonly stretches: ReturnType<ReturnType<typeof openParserHere>['stretches']>;
}

/** @param sizes lengths of the chunks the text is fed in, repeated; nothing: all at once */
export function readLog(text: string | Uint8Array, sizes: readonly number[] = []): ReadLog {
  const heads: HeadRow[] = [];
  const shapes: ShapeRow[] = [];
  const macs: string[] = [];
  const tuples: TupleRow[] = [];
  const paths: (readonly StepRow[])[] = [];
  const packets: ReadPacket[] = [];
  const notices: NoticeRow[] = [];
  const unread: number[] = [];
  const foreign: number[] = [];
  const onBatch = (batch: PacketBatch): void => {
    heads.push(...batch.heads);
    shapes.push(...batch.shapes);
    macs.push(...batch.macs);
    tuples.push(...batch.tuples);
    paths.push(...batch.paths);
    notices.push(...batch.notices);
    for (let row = 0; row < batch.count; row++) {
      const value = (name: (typeof COLUMNS)[number]): number | null => {
        const number = batch.numbers[row * WIDTH + COLUMNS.indexOf(name)]!;
        return Number.isNaN(number) ? null : number;
      };
      const steps = paths[value('path')!]!;
      const extra = JSON.parse(batch.extra[row] ?? '{}') as Record<string, unknown>;
      const offsets = (extra['lines'] as number[] | undefined) ?? steps.map((_, i) => i);
      delete extra['lines'];
      packets.push({
        clock: value('clock')!,
        clockUs: value('clockUs')!,
        lines: offsets.map((offset) => value('line')! + offset),
        stepUs: batch.stepUs[row]?.split(',').map(Number) ?? [0],
        heads: steps.map((step) => heads[step.head]!.text),
        shapes: steps.map((step) => shapes[step.shape]!.template),
        slots: steps.map((step) => step.slot),
        ttlLost: steps.map((step) => step.ttlLost),
        tuples: [value('tuple'), value('tuple2'), value('tuple3')]
          .filter((one) => one !== null)
          .map((one) => tuples[one]!),
        mac: value('mac') === null ? null : macs[value('mac')!]!,
        fields: Object.fromEntries(
          (['ipId', 'len', 'ttl', 'seq', 'ack', 'window', 'mark', 'bodyHash'] as const).map((name) => [
            name,
            value(name),
          ]),
        ),
        extra,
      });
    }
  };
  const parser = openParserHere({ firstLine: 1, assumedYear: 2026, resume: null }, parseSlow, {
    onBatch,
    onForeign: (_, line) => foreign.push(line),
    onUnread: (line) => unread.push(line),
  });
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : Math.max(1, sizes[i % sizes.length]!);
    parser.feed(bytes.subarray(at, at + size));
    at += size;
  }
  parser.end();
  return { packets, notices, unread, foreign, slowLines: parser.counts().slowLines, stretches: parser.stretches() };
}
