// The parsers against the kernel and conntrack themselves: the same table read in every form gives the same entries, field by field.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CtEntry, CtEvent } from '../../src/model/conntrack.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { waitUntil } from '../lab/process.js';
import { readTracker, recordsOf } from '../unit/parsers/forms/conntrack-forms.js';

function whyNoTracker(): string | null {
  try {
    execFileSync('conntrack', ['--version'], { stdio: 'ignore' });
    execFileSync('nft', ['--version'], { stdio: 'ignore' });
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs conntrack, nft and python3';
  }
}

const obstacle = whyNoLab() ?? whyNoTracker();
if (obstacle !== null) console.warn(`conntrack listing tests skipped: ${obstacle}`);

const TRAFFIC = fileURLToPath(new URL('conntrack-traffic.py', import.meta.url));
const RULES = `table inet lab {
  ct helper ftp-standard { type "ftp" protocol tcp; }
  chain zones { type filter hook prerouting priority -300; udp dport 5301 ct zone set 7; udp dport 5302 ct original zone set 9; }
  chain nat { type nat hook prerouting priority -100; tcp dport 8080 redirect to :80; }
  chain helpers { type filter hook prerouting priority 10; tcp dport 21 ct helper set "ftp-standard"; }
  chain marks { type filter hook prerouting priority 11; tcp dport 80 ct mark set 5; ct state new accept; }
}`;

let lab: Lab;
let gateway: LabHost;
const texts = new Map<string, string>();

const LISTINGS = {
  plain: 'conntrack -L',
  text: 'conntrack -L -o id,extended,ktimestamp',
  xml: 'conntrack -L -o xml,id,ktimestamp',
  save: 'conntrack -L -o save',
  proc: 'cat /proc/net/nf_conntrack',
  expectations: 'conntrack -L expect',
  'expectations xml': 'conntrack -L expect -o xml',
  'expectations proc': 'cat /proc/net/nf_conntrack_expect',
  statistics: 'conntrack -S',
  'statistics proc': 'cat /proc/net/stat/nf_conntrack',
  count: 'conntrack -C',
} as const;
type Listing = keyof typeof LISTINGS;

function read(listing: Listing) {
  const result = readTracker(texts.get(listing)!, { command: LISTINGS[listing] });
  expect(result.unread).toEqual([]);
  expect(result.others).toEqual([]);
  return result;
}

const entriesOf = (listing: Listing): readonly CtEntry[] =>
  recordsOf(read(listing), 'ct-entry').map(({ entry }) => entry);

/** What names an entry where a form prints no id. */
const nameOf = ({ orig, zone, zoneOrig }: CtEntry): string =>
  `${orig.proto} ${orig.src}:${orig.sport} ${orig.dst}:${orig.dport} ${orig.extra} ${zone ?? 0} ${zoneOrig}`;

function byName(entries: readonly CtEntry[]): ReadonlyMap<string, CtEntry> {
  const named = new Map(entries.map((entry) => [nameOf(entry), entry]));
  expect(named.size).toBe(entries.length);
  return named;
}

/** Seconds run between two readings. */
const isNear = (one: number | null, other: number | null): boolean =>
  one === null || other === null ? one === other : Math.abs(one - other) <= 2;

describe.skipIf(obstacle !== null)('one table of the kernel', () => {
  beforeAll(async () => {
    lab = openLab();
    gateway = await lab.addHost('gateway');
    const client = await lab.addHost('client');
    await lab.wire(
      { host: gateway, interface: 'eth0', addresses: ['192.0.2.2/24', '2001:db8:1::2/64'] },
      { host: client, interface: 'eth0', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] },
    );
    await gateway.setSysctls({
      'netfilter.nf_conntrack_acct': 1,
      'netfilter.nf_conntrack_timestamp': 1,
      'netfilter.nf_conntrack_checksum': 0,
    });
    await gateway.run(`nft '${RULES}'`);
    const streams = {
      text: gateway.start('conntrack -E -o id,timestamp,ktimestamp'),
      xml: gateway.start('conntrack -E -o xml,id,timestamp,ktimestamp'),
      save: gateway.start('conntrack -E -o save'),
      expectations: gateway.start('conntrack -E expect -o timestamp'),
    };
    const server = gateway.start(`python3 ${TRAFFIC} serve`);
    await waitUntil('the server listens', () => server.output().includes('ready'), 10_000);
    // The listeners bind without a word; an event of our own shows that they have.
    await waitUntil(
      'the listeners are bound',
      async () => {
        await client.attempt('ping -c1 -W1 192.0.2.2');
        return streams.text.output() !== '' && streams.xml.output() !== '' && streams.save.output() !== '';
      },
      10_000,
    );
    await client.attempt('ping -c1 -W1 2001:db8:1::2');
    const sender = client.start(`python3 ${TRAFFIC} send`);
    await waitUntil('the traffic is sent', () => sender.output().includes('sent'), 10_000);
    for (const [listing, command] of Object.entries(LISTINGS)) texts.set(listing, (await gateway.run(command)).stdout);
    await gateway.run('conntrack -D -p udp --dport 5300');
    const told = (text: string, mark: RegExp) => (text.match(mark) ?? []).length;
    await waitUntil(
      'the deletion of both is reported to all',
      () =>
        // Whole records only: a listener stopped in the middle of one would never end it.
        told(streams.text.output(), /\[DESTROY\].*\n/g) === 2 &&
        told(streams.xml.output(), /type="destroy"[\s\S]*?<\/flow>/g) === 2 &&
        told(streams.save.output(), /^-D .*\n/gm) === 2,
      5000,
    );
    for (const [name, stream] of Object.entries(streams))
      texts.set(`events ${name}`, (await stream.stop('SIGINT')).stdout);
  }, patient(60_000));

  afterAll(() => lab?.close());

  it('holds all that this test is about', () => {
    const entries = entriesOf('text');
    const protocols = new Set(entries.map(({ orig }) => orig.proto));
    expect([...protocols].sort((one, two) => one - two)).toEqual([1, 6, 17, 47, 58, 99, 132]);
    expect(entries.some(({ zone }) => zone === 7)).toBe(true);
    expect(entries.some(({ zoneOrig }) => zoneOrig === 9)).toBe(true);
    expect(entries.some(({ helper }) => helper === 'ftp')).toBe(true);
    expect(entries.some(({ mark }) => mark === 5)).toBe(true);
    expect(entries.some(({ orig, reply }) => orig.dport === 8080 && reply?.sport === 80)).toBe(true);
    expect(entries.some(({ orig }) => orig.src.includes(':') && orig.proto === 6)).toBe(true);
  });

  it('is the same as text and as XML', () => {
    const text = entriesOf('text');
    const xml = new Map(entriesOf('xml').map((entry) => [entry.id, entry]));
    expect(xml.size).toBe(text.length);
    for (const entry of text) {
      const other = xml.get(entry.id);
      if (other === undefined) throw new Error(`not in XML: ${JSON.stringify(entry)}`);
      // XML names no ICMP ids, and prints the start exactly where text prints the second of local time.
      const isIcmp = entry.orig.proto === 1 || entry.orig.proto === 58;
      const withoutExtra = isIcmp
        ? { orig: { ...entry.orig, extra: null }, reply: entry.reply && { ...entry.reply, extra: null } }
        : {};
      const { timeoutS, deltaTimeS, use, startedAtUs, startedLocal, origCounters, replyCounters, ...told } = other;
      const {
        timeoutS: t,
        deltaTimeS: d,
        use: u,
        startedAtUs: s,
        startedLocal: l,
        origCounters: o,
        replyCounters: r,
        ...same
      } = {
        ...entry,
        ...withoutExtra,
      };
      expect({ ...told, status: [...told.status].sort() }).toEqual({ ...same, status: [...same.status].sort() });
      expect([isNear(timeoutS, t), isNear(deltaTimeS, d), use !== null, u !== null]).toEqual([true, true, true, true]);
      expect([origCounters.packets! >= o.packets!, replyCounters.bytes! >= r.bytes!]).toEqual([true, true]);
      expect(s).toBeNull();
      // The lab runs in UTC.
      const startOfDayUs = Math.floor(startedAtUs! / 86_400_000_000) * 86_400_000_000;
      expect(l).toMatchObject({ kind: 'wall', usOfDay: Math.floor((startedAtUs! - startOfDayUs) / 1e6) * 1e6 });
      expect(startedLocal).toBeNull();
    }
  });

  it('is the same without ids, in /proc, and saved', () => {
    const text = byName(entriesOf('text'));
    for (const listing of ['plain', 'proc', 'save'] as const) {
      const others = byName(entriesOf(listing));
      expect([...others.keys()].sort()).toEqual([...text.keys()].sort());
      for (const [name, entry] of text) {
        const other = others.get(name)!;
        expect({ name, orig: other.orig, reply: other.reply, state: other.state, status: other.status }).toEqual({
          name,
          orig: entry.orig,
          reply: entry.reply,
          state: entry.state,
          status: entry.status,
        });
        expect([name, other.timeoutS, isNear(other.timeoutS, entry.timeoutS)]).toEqual([name, other.timeoutS, true]);
        if (listing !== 'save') expect(other.mark).toBe(entry.mark);
      }
    }
  });

  it('shows expectations alike', () => {
    const expected = (listing: Listing) =>
      recordsOf(read(listing), 'expectation').map(({ expectation }) => expectation);
    const [text] = expected('expectations');
    expect(text).toMatchObject({
      tuple: { proto: 6, src: '192.0.2.1', dst: '192.0.2.2', sport: 0, dport: 41768 },
      maskDport: 65535,
      master: { dport: 21 },
      helper: 'ftp',
    });
    expect(expected('expectations xml').map((one) => ({ ...one, timeoutS: 0 }))).toEqual([{ ...text, timeoutS: 0 }]);
    expect(expected('expectations proc')[0]).toMatchObject({ tuple: text?.tuple, helper: 'ftp' });
  });

  it('counts alike', () => {
    const [count] = recordsOf(read('count'), 'ct-count');
    expect(count).toMatchObject({ what: 'count', value: entriesOf('text').length });
    const listed = recordsOf(read('statistics'), 'ct-statistics');
    const proc = recordsOf(read('statistics proc'), 'ct-statistics');
    expect(proc.length).toBe(listed.length);
    for (const [index, { statistics }] of listed.entries())
      expect(proc[index]?.statistics).toMatchObject({ cpu: statistics.cpu, values: statistics.values });
  });

  it('reports its events alike as text, XML and saved', () => {
    const events = (name: string): readonly CtEvent[] => {
      const result = readTracker(texts.get(name)!, {
        command: `conntrack -E${name === 'events save' ? ' -o save' : ''}`,
      });
      expect([result.unread, result.others]).toEqual([[], []]);
      return recordsOf(result, 'ct-event').map(({ event }) => event);
    };
    const text = events('events text');
    const summary = ({ kind, entry, portId }: CtEvent) => [
      kind,
      entry!.orig.src,
      entry!.orig.dport,
      entry!.state,
      portId,
    ];
    // The listeners were not bound in the same instant: what all of them saw begins with the server's first connection.
    const from = (all: readonly CtEvent[]) => all.slice(all.findIndex(({ entry }) => entry?.orig.proto === 6));
    const sctp = text.find(({ entry }) => entry?.orig.proto === 132);
    expect(sctp?.entry?.state).toBe('CLOSED');
    expect(from(events('events xml')).map(summary)).toEqual(from(text).map(summary));
    expect(from(events('events save')).map(summary)).toEqual(from(text).map(summary));
    const destroyed = text.filter(({ kind, entry }) => kind === 'DESTROY' && entry?.orig.dport === 5300);
    expect(destroyed.length).toBeGreaterThan(0);
    for (const event of destroyed) {
      expect(event).toMatchObject({ isUserSpace: true, entry: { deltaTimeS: expect.any(Number) } });
      expect(event.portId).toBeGreaterThan(0);
      expect(event.atUs).toBeGreaterThan(1_700_000_000_000_000);
    }
    const expected = events('events expectations').map(({ kind }) => kind);
    expect(expected).toContain('EXP_NEW');
  });
});
