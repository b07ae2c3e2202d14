// What a capture keeps, what it tells while it goes on, and how its questions become rules.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine } from '../../../src/changes/acts/nft-owned-table.js';
import { captureTable } from '../../../src/changes/rules/nft-table-script.js';
import { INVALID_QUESTION, STOP_ON, SYMPTOMS, widened } from '../../../src/commands/capture/question.js';
import { openSpool } from '../../../src/commands/capture/spool.js';
import { type First, openWatcher } from '../../../src/commands/capture/watcher.js';
import type { ScratchFile } from '../../../src/host/new-file.js';
import type { PacketFilter } from '../../../src/model/packet-filter.js';
import { firstSegments, liveSegments } from '../../../src/presentation/capture-live.js';

const PORT_8080: PacketFilter = {
  family: null,
  protos: [6],
  src: null,
  dst: null,
  sport: null,
  dport: [{ from: 8080, to: 8080 }],
  icmpType: null,
  inIf: null,
  outIf: null,
  flags: null,
  mark: null,
  zone: null,
};

function memoryFile(): ScratchFile {
  let bytes = Buffer.alloc(0);
  return {
    sizeBytes: () => bytes.length,
    append(more) {
      bytes = Buffer.concat([bytes, more]);
    },
    patch: () => {},
    cutBack: () => {},
    *pieces() {
      yield bytes;
    },
    discard: () => {},
  };
}

describe('spool', () => {
  it('keeps the end of what came, at least half of what it may, and says from when on', () => {
    const lines = fc.array(fc.string({ maxLength: 30 }).map((text) => `${text.replaceAll('\n', ' ')}\n`));
    fc.assert(
      fc.property(lines, fc.integer({ min: 64, max: 400 }), (given, most) => {
        const spool = openSpool(memoryFile, most);
        for (const [at, line] of given.entries()) spool.append(Buffer.from(line), at + 1);
        const whole = Buffer.concat(given.map((line) => Buffer.from(line)));
        const kept = Buffer.concat([...spool.pieces()]);
        expect(whole.subarray(whole.length - kept.length).equals(kept)).toBe(true);
        expect(kept.length).toBe(spool.sizeBytes());
        if (whole.length <= most / 2) expect(kept.length).toBe(whole.length);
        expect(kept.length).toBeLessThanOrEqual(most + 120);
        // From a line's beginning on, which is that line's time.
        const from = spool.keptFromUs();
        if (from === null) expect(kept.length).toBe(whole.length);
        else expect(Buffer.concat(given.slice(from - 1).map((line) => Buffer.from(line))).equals(kept)).toBe(true);
      }),
    );
  });
});

describe('watcher', () => {
  const LINE =
    'nf_ct_proto_6: invalid new IN= OUT=eth0 SRC=192.0.2.7 DST=198.51.100.7 LEN=52 TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=TCP SPT=41000 DPT=8080 SEQ=1 ACK=2 WINDOW=502 RES=0x00 ACK FIN URGP=0 ';
  const watch = () => {
    const firsts: First[] = [];
    const triggers: string[] = [];
    const watcher = openWatcher({
      filter: PORT_8080,
      nowUs: () => 1_795_000_000_000_000,
      onFirst: (one) => firsts.push(one),
      onTrigger: (trigger) => triggers.push(trigger),
    });
    return { watcher, firsts, triggers };
  };

  it('tells the first of a kind, counts the rest, and leaves out what was not asked for', () => {
    const { watcher, firsts, triggers } = watch();
    for (let round = 0; round < 3; round++) watcher.kernel(LINE);
    watcher.kernel(LINE.replace('DPT=8080', 'DPT=443'));
    watcher.kernel('something else entirely');
    expect(watcher.seen).toMatchObject({ invalid: 3, packets: 3 });
    expect(firsts.map(({ what, says }) => `${what} ${says}`)).toEqual(['first INVALID FIN ACK "invalid new"']);
    expect(triggers).toContain('invalid');
  });

  it('tells who ended an entry', () => {
    const { watcher, firsts } = watch();
    const entry =
      'tcp 6 src=192.0.2.7 dst=198.51.100.7 sport=41000 dport=8080 src=198.51.100.7 dst=192.0.2.7 sport=8080 dport=41000';
    watcher.event(
      `[1795000000.000001]\t    [NEW] ipv4     2 ${entry.replace('6 ', '6 120 SYN_SENT ')} [UNREPLIED] id=7`,
    );
    watcher.event(`[1795000000.000002]\t[DESTROY] ipv4     2 ${entry} [ASSURED] portid=77 id=7`);
    watcher.event(`[1795000000.000003]\t[DESTROY] ipv4     2 ${entry.replaceAll('8080', '443')} id=8`);
    expect(watcher.seen.events).toBe(3);
    expect(firsts.map(({ what, says }) => `${what}, ${says}`)).toEqual([
      'first NEW, SYN_SENT',
      'entry deleted, by a program',
    ]);
  });

  it('follows traces of its own, and those alone', () => {
    const { watcher, firsts, triggers } = watch();
    const trace = (id: string, rest: string) => watcher.trace(`trace id ${id} ${rest}`, 1_795_000_000_000_000);
    trace(
      'aa',
      'inet ctwhy_7 tracked_out_hit packet: oif "eth0" ip saddr 192.0.2.7 ip daddr 198.51.100.7 ip ttl 64 ip id 7 ip protocol tcp ip length 52 tcp sport 41000 tcp dport 8080 tcp flags == rst',
    );
    trace('aa', 'inet ctwhy_7 tracked_out_hit rule ct state invalid meta nftrace set 1 (verdict continue)');
    trace('aa', 'ip filter OUTPUT rule ct state invalid counter packets 3 bytes 9 drop (verdict drop)');
    trace('bb', 'ip filter OUTPUT rule drop (verdict drop)');
    expect(watcher.seen).toMatchObject({ packets: 1, invalid: 1, dropped: 1, resets: 1 });
    expect(triggers.sort()).toEqual(['drop', 'invalid', 'reset']);
    expect(firsts.map(({ what, says }) => `${what} ${says}`)).toContain(
      'first drop ip filter OUTPUT: ct state invalid drop',
    );
  });

  it('never throws, whatever comes', () => {
    const { watcher } = watch();
    fc.assert(
      fc.property(fc.string(), (text) => {
        watcher.kernel(text);
        watcher.event(text);
        watcher.trace(text, 0);
        for (let end = 0; end < LINE.length; end += 17) watcher.kernel(LINE.slice(0, end) + text);
      }),
    );
  });
});

describe('live line', () => {
  it('fits 79 columns with six digits in each number, and shows what was lost also at 0', () => {
    const counts = { packets: 5, invalid: 4, fresh: 1, dropped: 4, events: 4, lost: 0 };
    const text = liveSegments({ elapsedMs: 37_000, forMs: 60_000, counts, hint: '^C ends' })
      .map((one) => one.text)
      .join('');
    expect(text).toBe(' 0:37 of 1:00  packets 5  INVALID 4  NEW 1  dropped 4  events 4  lost 0  ^C ends');
  });

  it('names the kind by a word', () => {
    const line = firstSegments({ atUs: 0, what: 'first INVALID', flow: null, says: 'FIN ACK' });
    expect(line.map((one) => one.text).join('')).toBe('00:00:00.000  first INVALID FIN ACK');
  });
});

describe('questions', () => {
  it('are told apart, and no packet meets two conditions of one', () => {
    for (const { id, conditions } of SYMPTOMS) {
      expect(new Set(conditions ?? []).size, id).toBe(conditions?.length ?? 0);
      if (conditions !== null) expect(conditions[0], id).toBe('ct state invalid');
    }
  });

  it('see the moment that --stop-on waits for', () => {
    expect(widened(INVALID_QUESTION, STOP_ON.reset).conditions).toContain(STOP_ON.reset[1]);
    expect(widened(INVALID_QUESTION, STOP_ON.drop)).toEqual(INVALID_QUESTION);
  });

  it('become one table, one line for the prompt of nft, owned by who makes it', () => {
    const script = captureTable({
      number: 7,
      filter: PORT_8080,
      rate: { count: 20, per: 'second' },
      conditions: ['ct state invalid'],
      entries: [],
      isOwned: true,
    });
    expect(script).toContain('ct state invalid update @tracked_in4');
    expect(script).not.toContain('before_in');
    const line = oneLine(script);
    expect(line).not.toContain('\n');
    expect(
      line.startsWith('create table inet ctwhy_7 { flags owner; }; table inet ctwhy_7 { flags owner; counter seen'),
    ).toBe(true);
    expect(line.split('{').length).toBe(line.split('}').length);
  });
});
