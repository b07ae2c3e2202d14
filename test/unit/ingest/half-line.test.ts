import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { ingest } from '../../../src/ingest/ingest.js';
import { type Db, openStoreForWriting } from '../../../src/store/open-store.js';
import { dropLine, dropLog } from '../../helpers/drop-lines.js';

const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;
const NOW_US = Date.parse('2026-11-22T00:00:00Z') * 1000;

/** Everything a reader of the store can see, without ids, which say only in which order rows were made. */
const CONTENT = {
  packets: `select seen_at_us, kind, prefix, src, dst, sport, dport, flags, ip_id, line, step, table_name, chain, rule_no from packets
            order by line, step, src`,
  events: `select e.clock_us, e.line, e.kind, t.src, t.sport, r.dst, e.timeout_s from events e join tuples t on t.id = e.tuple_id
           left join tuples r on r.id = e.reply_tuple_id order by e.line`,
  notices: 'select seen_at_us, kind, text, line from kernel_messages order by line, text',
  flows: `select f.began_at_us, f.direction_known_by, t.src, t.sport, t.dst, t.dport from flows f join tuples t on t.id = f.orig_tuple_id
          order by 3, 4, 5, 6`,
  flowTuples:
    'select t.src, t.sport, f.direction from flow_tuples f join tuples t on t.id = f.tuple_id order by 1, 2, 3',
  unread: 'select line, form, reason, at_column from unread_lines order by 1',
  forms: 'select form, records, unread, first_line from source_forms order by 1',
  sources: 'select done_bytes, done_lines, hex(tail_hash) tail from sources',
  lines: 'select sum(packet_lines) lines from clocks',
  text: 'select sum(lines) lines, sum(bytes) bytes from raw_blocks',
  coverage: 'select what, state, from_at_us, to_at_us, lost from coverage order by 1, 3',
};

let folder: string;
const stores: Db[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-half-'));
});
afterEach(() => {
  for (const db of stores.splice(0)) db.close();
  rmSync(folder, { recursive: true });
});

/** Reads the beginnings of a file one after the other, as a growing one is met, and tells what the store holds then. */
async function readGrowing(name: string, texts: readonly string[]): Promise<Record<string, unknown>> {
  const path = join(folder, name);
  const store = join(folder, `${stores.length}.db`);
  const db = openStoreForWriting(realHost(), { path: store, migrationsFolder: MIGRATIONS }, NOW_US);
  stores.push(db);
  const clock = { nowUs: () => NOW_US, monotonicMs: () => performance.now() };
  for (const text of texts) {
    writeFileSync(path, text);
    await ingest({ host: realHost(), clock }, db, [path], {});
  }
  return Object.fromEntries(Object.entries(CONTENT).map(([part, sql]) => [part, db.prepare(sql).all()]));
}

/** Cuts at every byte of the line that begins at `from`, and behind its last character. */
function cutsOf(text: string, from: number): readonly number[] {
  const end = text.indexOf('\n', from);
  return Array.from({ length: end - from }, (_, index) => from + index + 1);
}

describe('a file that ends in a half line and has grown since', () => {
  it('holds the completed line as one record, wherever it was cut', async () => {
    const text = dropLog(0, 6);
    const wanted = await readGrowing('kern.log', [text]);
    const from = text.indexOf(dropLine(3));
    for (const cut of cutsOf(text, from).filter((_, index) => index % 25 === 0))
      expect(await readGrowing('kern.log', [text.slice(0, cut), text]), `cut at ${cut - from}`).toEqual(wanted);
  });

  it('read in three steps, with a half line at each, and once more without having grown', async () => {
    const text = dropLog(0, 6);
    const cuts = [1, 3, 5].map((line) => text.indexOf(dropLine(line)) + 120);
    const steps = cuts.map((cut) => text.slice(0, cut));
    const wanted = await readGrowing('kern.log', [text]);
    expect(await readGrowing('kern.log', [steps[0]!, steps[0]!, steps[1]!, steps[2]!, steps[2]!, text, text])).toEqual(
      wanted,
    );
  });

  it('loses nothing when it never grows', async () => {
    const text = dropLog(0, 6).trimEnd();
    const whole = await readGrowing('kern.log', [text]);
    expect(whole['packets']).toHaveLength(6);
    expect(await readGrowing('kern.log', [text, text])).toEqual(whole);
  });

  it('keeps the packet together whose lines a cut parts', async () => {
    const trace = (rule: string, index: number, step: number): string =>
      `Nov 21 12:00:0${index} fw1 kernel: [100${index}.00000${step}] TRACE: ${rule} IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=192.0.2.1 DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${index + 1} DF PROTO=TCP SPT=1024 DPT=443 SEQ=1 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
    const text = [0, 1]
      .map((packet) =>
        ['raw:PREROUTING:policy:2', 'mangle:PREROUTING:policy:1', 'filter:INPUT:rule:3', 'filter:INPUT:policy:4']
          .map((rule, step) => trace(rule, packet, step))
          .join(''),
      )
      .join('');
    const wanted = await readGrowing('kern.log', [text]);
    const third = text.split('\n', 6).join('\n').length;
    for (const cut of [third + 40, third + 130, third + 200])
      expect(await readGrowing('kern.log', [text.slice(0, cut), text]), `cut at ${cut}`).toEqual(wanted);
  });

  it('holds an event once', async () => {
    const event = (kind: string, second: number, rest: string): string =>
      `[17952624${second}.000000]\t   [${kind}] tcp      6 ${rest}src=192.0.2.1 dst=198.51.100.7 sport=1024 dport=443 [UNREPLIED] src=198.51.100.7 dst=192.0.2.1 sport=443 dport=1024\n`;
    const text =
      event('NEW', 10, '120 SYN_SENT ') +
      event('UPDATE', 11, '60 SYN_RECV ') +
      event('DESTROY', 12, '') +
      event('NEW', 13, '120 SYN_SENT ');
    const wanted = await readGrowing('conntrack-E.txt', [text]);
    expect(wanted['events']).toHaveLength(4);
    const from = text.split('\n', 2).join('\n').length + 1;
    for (const cut of cutsOf(text, from).filter((_, index) => index % 23 === 0))
      expect(await readGrowing('conntrack-E.txt', [text.slice(0, cut), text]), `cut at ${cut - from}`).toMatchObject({
        events: wanted['events'],
        flows: wanted['flows'],
        unread: wanted['unread'],
        text: wanted['text'],
      });
  });
});
