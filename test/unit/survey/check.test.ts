import { describe, expect, it } from 'vitest';
import type { Socket } from '../../../src/model/socket.js';
import { iptablesSaveForm } from '../../../src/parsers/forms/ruleset-iptables-save.js';
import { findIn } from '../../../src/survey/check/find.js';
import type { MovedRule, Observation, WatchedSocket } from '../../../src/survey/check/observe.js';
import { readText } from '../../../src/survey/read-text.js';

const QUIET: Observation = {
  startedAtUs: 0,
  endedAtUs: 5_000_000,
  stuck: [],
  socketCount: 0,
  rules: [],
  statistics: { invalid: 0, drop: 0 },
  count: 10,
  max: 1000,
  isTracking: true,
  unseen: [],
};

function socket(state: string, entry: string | null | undefined): WatchedSocket {
  const bare: Socket = {
    proto: 6,
    state,
    local: '2001:db8::1',
    lport: 41000,
    peer: '2001:db8::2',
    pport: 443,
    recvQ: 0,
    sendQ: 1,
    timer: 'persist',
    timerMs: 100,
    retrans: 3,
    uid: null,
    inode: null,
    process: null,
    info: { notsent: 1 },
  };
  return { socket: bare, local: bare.local, peer: bare.peer!, entry };
}

function rules(text: string, packets: number | null): readonly MovedRule[] {
  const saved = `*filter\n:OUTPUT ACCEPT [0:0]\n${text}\nCOMMIT`;
  return readText(iptablesSaveForm, saved, 'iptables-save -c')
    .flatMap((record) => (record.kind === 'ruleset' ? record.ruleset.chains : []))
    .flatMap((chain) => chain.rules.map((rule) => ({ rule, hook: chain.hook, source: 'iptables-save -c', packets })));
}
const DROP = '[9:540] -A OUTPUT -m conntrack --ctstate INVALID -j DROP';

describe('findings of a check', () => {
  it('finds nothing where nothing is', () => expect(findIn(QUIET)).toEqual([]));

  it('a FIN without an entry is surer when the rule that drops it counts', () => {
    const still = findIn({ ...QUIET, stuck: [socket('FIN-WAIT-1', null)], rules: rules(DROP, 0) });
    expect(still.map(({ confidence }) => confidence)).toEqual(['possible']);
    const moving = findIn({ ...QUIET, stuck: [socket('FIN-WAIT-1', null)], rules: rules(DROP, 2) });
    expect(moving.map((one) => [one.class, one.confidence])).toEqual([
      ['stuck-socket', 'likely'],
      ['invalid-dropped', 'certain'],
    ]);
    expect(moving[0]!.title).toBe(
      'FIN-WAIT-1 for 5 s at least, and no entry: tcp [2001:db8::1]:41000 > [2001:db8::2]:443',
    );
  });

  it('claims nothing of an entry that was not looked up', () => {
    const [found] = findIn({ ...QUIET, stuck: [socket('LAST-ACK', undefined)], rules: rules(DROP, 2) });
    expect(found!.summary).toContain('was not looked up');
    expect(found!.evidence.map(({ label }) => label)).toEqual(['socket']);
    expect(found!.confidence).toBe('possible');
  });

  it('a rule that drops something else, or only logs INVALID, is none', () => {
    const others = [
      '[9:9] -A OUTPUT -m conntrack ! --ctstate INVALID -j DROP',
      '[9:9] -A OUTPUT -m conntrack --ctstate INVALID -j LOG',
    ];
    for (const other of others) expect(findIn({ ...QUIET, rules: rules(other, 5) })).toEqual([]);
  });

  it('tells a filling table from a full one, and a counter that needs nobody from one that does', () => {
    expect(findIn({ ...QUIET, count: 790 })).toEqual([]);
    expect(findIn({ ...QUIET, count: 800 })[0]!.title).toContain('filling up: 800 of 1000 entries, 80 %');
    expect(findIn({ ...QUIET, count: 960 })[0]!.title).toContain('is full');
    const counters = findIn({ ...QUIET, statistics: { invalid: 7, drop: 1 } });
    expect(counters.map(({ isTrouble, title }) => [isTrouble, title.split(' ')[0]])).toEqual([
      [true, '1'],
      [false, '7'],
    ]);
  });

  it('half-closed sockets are the programs’ matter, until their entry is gone', () => {
    const [kept] = findIn({ ...QUIET, stuck: [socket('CLOSE-WAIT', 'tcp …')] });
    expect(kept!.isTrouble).toBe(false);
    expect(findIn({ ...QUIET, stuck: [socket('CLOSE-WAIT', null)] })[0]!.isTrouble).toBe(true);
  });

  it('is certain of nothing that it says with or', () => {
    const statistics = Object.fromEntries(
      ['drop', 'early_drop', 'insert_failed', 'chaintoolong', 'clash_resolve', 'invalid', 'error', 'icmp_error'].map(
        (name) => [name, 3],
      ),
    );
    const stuck = ['FIN-WAIT-1', 'LAST-ACK', 'CLOSING', 'SYN-SENT', 'SYN-RECV', 'CLOSE-WAIT', 'FIN-WAIT-2'].flatMap(
      (state) => [socket(state, null), socket(state, undefined), socket(state, 'tcp …')],
    );
    for (const count of [850, 990]) {
      const found = findIn({ ...QUIET, count, statistics, stuck, rules: rules(DROP, 2) });
      const both = found.filter(({ title, summary }) => / or /.test(`${title} ${summary}`));
      expect(both.filter(({ confidence }) => confidence === 'certain')).toEqual([]);
      expect(both.length).toBeGreaterThan(0);
      // What it means that nobody answers is inferred, whatever was looked up.
      const meant = found.filter((one) => one.class === 'stuck-socket' && one.evidence.length > 0);
      expect(meant.map(({ confidence }) => confidence)).not.toContain('certain');
    }
  });

  it('of a flood the first are told, the others counted', () => {
    const found = findIn({ ...QUIET, stuck: Array.from({ length: 30 }, () => socket('SYN-SENT', 'tcp …')) });
    expect(found).toHaveLength(11);
    expect(found.at(-1)!.title).toBe('20 more sockets wait for an answer');
  });
});
