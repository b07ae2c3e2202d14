// What a keeper does of itself: it ends a change in its time, and breaks off what floods the kernel log by its own doing.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournal } from '../../../src/changes/journal.js';
import { type KeeperWorld, keepChange } from '../../../src/changes/keeper.js';
import type { ChangeSession } from '../../../src/changes/session.js';
import { packetsOf, watchedLines } from '../../../src/changes/watched-lines.js';
import { realWriteHost } from '../../../src/host/real-write-host.js';
import type { Change, ChangeKind } from '../../../src/model/change.js';

const NOW_US = Date.UTC(2026, 10, 21, 12) * 1000;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-keeper-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function draft(kind: ChangeKind, number = 7): Change {
  return {
    schema: 'ctwhy.change/1',
    number,
    kind,
    what: kind,
    command: kind,
    madeAtUs: NOW_US,
    endsAtUs: NOW_US + 60e6,
    isStanding: false,
    hostName: 'here',
    bootId: realWriteHost().identity().bootId,
    place: { netnsInode: null, isFirstNetns: true, label: null },
    uid: 0,
    state: 'on',
    acts: [],
    ending: null,
    stays: [],
    result: null,
  };
}

/** A keeper in a time of its own, which goes on by its sleeping; the wall clock goes with it by `pace`. */
async function keep(
  kind: ChangeKind,
  { linesPerStep = 0, packetsPerStep = 0 as number | null, wall = (ms: number) => NOW_US + ms * 1000 } = {},
) {
  const host = realWriteHost();
  let ms = 0;
  const session: ChangeSession = {
    host,
    journal: openJournal(host, join(folder, 'journal')),
    nowUs: () => wall(ms),
    self: ['/nonexistent'],
    environment: {},
  };
  const { number } = session.journal.create((one) => draft(kind, one));
  const world: KeeperWorld = {
    sleep: async (step) => {
      ms += step;
      if (ms > 120_000) throw new Error('it lasts');
    },
    monotonicMs: () => ms,
    newLines: () => linesPerStep,
    packetsSoFar: async () => (packetsPerStep === null ? null : packetsPerStep * (ms / 500)),
    signal: new AbortController().signal,
  };
  const how = await keepChange(session, number, world);
  return { how, ms, note: session.journal.read().changes[0]!.result?.note };
}

describe('the keeper', () => {
  it('ends a change in its time, also when the clock was set back', async () => {
    expect(await keep('trace')).toMatchObject({ how: 'time ran out', ms: 60_000 });
    expect(await keep('trace', { wall: (ms) => (ms === 0 ? NOW_US : NOW_US - 3600e6) })).toMatchObject({ ms: 60_000 });
  });

  it('breaks off above 1,000 lines a second that the packets of the namespace can have caused', async () => {
    const flood = { linesPerStep: 5000, packetsPerStep: 2000 };
    expect(await keep('log-invalid', flood)).toMatchObject({ how: 'breaker', note: '8,000 lines/s in the kernel log' });
    expect(await keep('log-invalid', { ...flood, linesPerStep: 499 })).toMatchObject({ how: 'time ran out' });
  });

  it("is not broken off for another namespace's lines", async () => {
    expect(await keep('log-invalid', { linesPerStep: 5000, packetsPerStep: 20 })).toMatchObject({
      how: 'time ran out',
    });
  });

  it('breaks off when nobody can tell whose lines they are', async () => {
    expect(await keep('log-invalid', { linesPerStep: 5000, packetsPerStep: null })).toMatchObject({ how: 'breaker' });
    expect(await keep('tag', { linesPerStep: 5000, packetsPerStep: 0 })).toMatchObject({ how: 'breaker' });
  });
});

describe('the lines that count', () => {
  const set = (after: string): Change => ({
    ...draft('log-invalid'),
    acts: [
      {
        ...{ is: 'sysctl', name: 'net.netfilter.nf_conntrack_log_invalid', path: '', inFirstNetns: false },
        ...{ before: '0', after, original: '0' },
      },
    ],
  });
  const tcp = 'nf_ct_proto_6: invalid new IN= OUT=lo SRC=192.0.2.1 DST=192.0.2.2 PROTO=TCP ';
  const icmp = 'nf_ct_proto_1: invalid new IN= OUT=lo SRC=192.0.2.1 DST=192.0.2.2 PROTO=ICMP ';

  it('are those of the protocol that was set, all with 255', () => {
    expect([tcp, icmp].map((line) => watchedLines(set('6')).test(line))).toEqual([true, false]);
    expect([tcp, icmp].map((line) => watchedLines(set('255')).test(line))).toEqual([true, true]);
  });

  it('are those of its own number for a tag', () => {
    expect(watchedLines(draft('tag')).test('ctwhy:C7:NEW IN=lo OUT= SRC=192.0.2.1')).toBe(true);
    expect(watchedLines(draft('tag')).test('ctwhy:C70:NEW IN=lo OUT= SRC=192.0.2.1')).toBe(false);
  });

  it('are set against packets of every device', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      '    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0',
      'eth0:123456789     30    0    0    0     0          0         0      500       5    0    0    0     0       0          0',
    ].join('\n');
    expect(packetsOf(text)).toBe(39);
  });
});
