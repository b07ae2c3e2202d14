// Two small forms with writers of their own, so that the engine can be tested apart from the real ones: 'event TIME KIND SRC DST'
// is a stream, 'name = value' a listing, 'MANIFEST key value' speaks about other files.

import type { IngestTables } from '../../../src/ingest/call.js';
import type { CtEntry, CtEventKind } from '../../../src/model/conntrack.js';
import type { BundleStatement } from '../../../src/model/record.js';
import { type Form, OTHER, TAKEN } from '../../../src/parsers/form.js';
import { addClock, firstPlace } from '../../../src/store/clocks.js';

const EVENT = /^event (\d+) (NEW|UPDATE|DESTROY) (\S+):(\d+) (\S+):(\d+)$/;

const eventForm: Form = {
  id: 'small events',
  title: 'events for tests',
  recognise: (line) => (line.startsWith('event ') ? 90 : 0),
  open: (emit) => ({
    line(text, line) {
      if (!text.startsWith('event ')) return OTHER;
      const found = EVENT.exec(text);
      if (found === null) return { is: 'unread', reason: 'not an event', at: 6 };
      const [, at, kind, src, sport, dst, dport] = found;
      const orig = { proto: 6, src: src!, dst: dst!, sport: Number(sport), dport: Number(dport), extra: null };
      emit({
        kind: 'ct-event',
        line,
        event: {
          kind: kind as CtEventKind,
          atUs: Number(at),
          entry: { orig } as CtEntry,
          expectation: null,
          portId: null,
          isUserSpace: null,
        } as never,
      });
      return TAKEN;
    },
    end: () => {},
  }),
};

const SETTING = /^(\S+) = (\S*)$/;

const settingForm: Form = {
  id: 'small settings',
  title: 'settings for tests',
  recognise: (line) => (SETTING.test(line) ? 80 : 0),
  open: (emit) => ({
    line(text, line) {
      const found = SETTING.exec(text);
      if (found === null) return OTHER;
      emit({ kind: 'sysctl', line, name: found[1]!, value: found[2]! });
      return TAKEN;
    },
    end: () => {},
  }),
};

const manifestForm: Form = {
  id: 'small manifest',
  title: 'manifest for tests',
  recognise: (line) => (line.startsWith('MANIFEST ') ? 100 : 0),
  open: (emit) => ({
    line(text, line) {
      const words = text.split(' ');
      if (words[0] !== 'MANIFEST') return OTHER;
      const statement: BundleStatement =
        words[1] === 'part'
          ? {
              kind: 'part',
              file: words[2]!,
              moment: words[3]!,
              startedAtUs: Number(words[4]),
              endedAtUs: Number(words[5]),
              exitStatus: Number(words[6] ?? 0),
              netns: null,
              command: words.slice(7).join(' ') || null,
              error: null,
            }
          : { kind: 'host', key: words[1] as 'host', value: words.slice(2).join(' ') };
      emit({ kind: 'bundle', line, statement });
      return TAKEN;
    },
    end: () => {},
  }),
};

export const SMALL_TABLES: IngestTables = {
  forms: [eventForm, settingForm, manifestForm],
  binaryForms: [],
  bulk: null,
  writers: {
    streams: [
      {
        kinds: ['ct-event'],
        open({ db, sourceId, bootId }) {
          const clock = addClock(db, { sourceId, bootId, kind: 'epoch', fromLine: 1, place: firstPlace('epoch', 0) });
          const tuple = db.prepare(
            'INSERT OR IGNORE INTO tuples (proto, src, dst, sport, dport) VALUES (6, ?, ?, ?, ?)',
          );
          const tupleId = db
            .prepare('SELECT id FROM tuples WHERE src = ? AND dst = ? AND sport = ? AND dport = ?')
            .pluck();
          const insert = db.prepare(
            'INSERT INTO events (clock_id, clock_us, line, kind, tuple_id) VALUES (?, ?, ?, ?, ?)',
          );
          return {
            record(record) {
              if (record.kind !== 'ct-event') return;
              const orig = record.event.entry!.orig;
              tuple.run(orig.src, orig.dst, orig.sport, orig.dport);
              insert.run(
                clock,
                record.event.atUs,
                record.line,
                record.event.kind,
                tupleId.get(orig.src, orig.dst, orig.sport, orig.dport),
              );
            },
            flush: () => {},
            end: () => {},
          };
        },
      },
    ],
    listings: [
      {
        kinds: ['sysctl'],
        open({ db, snapshot }) {
          const insert = db.prepare(
            "INSERT INTO values_over_time (series_id, what, name, seq, value) VALUES (?, 'sysctl', ?, ?, ?)",
          );
          return {
            record(record) {
              if (record.kind === 'sysctl') insert.run(snapshot.seriesId, record.name, snapshot.seq, record.value);
            },
            end: () => {},
          };
        },
      },
      { kinds: ['ct-entry'], open: () => ({ record: () => {}, end: () => {} }) },
    ],
  },
};
