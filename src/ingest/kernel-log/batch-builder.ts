// Collects closed passages and notices into batches for the store.

import { type NoticeRow, type PacketBatch, WIDTH } from '../../store/packet-batch.js';
import type { ClockTracker } from './clock-tracker.js';
import type { DumpTables } from './dump-tables.js';
import type { HeadTable } from './head-table.js';
import type { Passage } from './passage.js';
import type { PathTree } from './path-tree.js';

const PER_BATCH = 4096;

export interface BatchBuilder {
  passage(passage: Passage): void;
  notice(notice: NoticeRow): void;
  isFull(): boolean;
  /** What was collected since the last call, with the dictionary entries it needs; NULL when that is nothing. */
  take(): PacketBatch | null;
  /** The dictionaries were emptied. */
  nextGeneration(): void;
}

export function openBatchBuilder(
  tables: DumpTables,
  heads: HeadTable,
  paths: PathTree,
  clocks: ClockTracker,
): BatchBuilder {
  let numbers = new Float64Array(PER_BATCH * WIDTH);
  let stepUs: (string | null)[] = [];
  let extra: (string | null)[] = [];
  let notices: NoticeRow[] = [];
  let count = 0;
  let generation = 0;

  return {
    passage(passage) {
      if (count * WIDTH === numbers.length) {
        const wider = new Float64Array(numbers.length * 2);
        wider.set(numbers);
        numbers = wider;
      }
      const at = count * WIDTH;
      numbers[at] = passage.clock;
      numbers[at + 1] = passage.firstUs;
      numbers[at + 2] = passage.firstLine;
      numbers[at + 3] = paths.pathOf(passage.node!);
      numbers[at + 4] = passage.tuple;
      numbers[at + 5] = orNull(passage.tuple2);
      numbers[at + 6] = Number.NaN;
      numbers[at + 7] = orNull(passage.mac);
      numbers[at + 8] = orNull(passage.ipId);
      numbers[at + 9] = orNull(passage.lenBytes);
      numbers[at + 10] = orNull(passage.ttl);
      numbers[at + 11] = orNull(passage.seq);
      numbers[at + 12] = orNull(passage.ack);
      numbers[at + 13] = orNull(passage.window);
      numbers[at + 14] = orNull(passage.mark);
      numbers[at + 15] = passage.bodyHash;
      stepUs.push(passage.steps > 1 ? joined(passage.us, passage.steps) : null);
      extra.push(extraOf(passage));
      count++;
    },
    notice(notice) {
      notices.push(notice);
    },
    isFull: () => count >= PER_BATCH || notices.length >= PER_BATCH,
    nextGeneration() {
      generation++;
    },
    take() {
      const starts = clocks.takeNew();
      if (count === 0 && notices.length === 0 && starts.length === 0) return null;
      const batch: PacketBatch = {
        generation,
        heads: heads.takeNew(),
        ...tables.takeNew(),
        paths: paths.takeNew(),
        clocks: starts,
        count,
        numbers: numbers.slice(0, count * WIDTH),
        stepUs,
        extra,
        notices,
      };
      stepUs = [];
      extra = [];
      notices = [];
      count = 0;
      return batch;
    },
  };
}

function orNull(value: number): number {
  return value < 0 ? Number.NaN : value;
}

function joined(list: readonly number[], count: number): string {
  let text = `${list[0]}`;
  for (let i = 1; i < count; i++) text += `,${list[i]}`;
  return text;
}

function extraOf(passage: Passage): string | null {
  if (passage.isConsecutive && passage.extra === '' && passage.numbers === '') return null;
  let members = passage.extra;
  if (passage.numbers !== '') members += `${members === '' ? '' : ','}"numbers":{${passage.numbers}}`;
  if (!passage.isConsecutive)
    members += `${members === '' ? '' : ','}"lines":[${joined(passage.lines, passage.steps)}]`;
  return `{${members}}`;
}
