// A made-up gateway for measurements: entries that come, go and are refreshed, counters of each CPU, rules with counters, sockets. From a seed.

import type { CtEntry } from '../../src/model/conntrack.js';
import type { EvidenceRecord } from '../../src/model/record.js';
import type { Rule, Ruleset } from '../../src/model/ruleset.js';
import type { Form } from '../../src/parsers/form.js';
import { conntrackListForm } from '../../src/parsers/forms/conntrack-list.js';
import { iptablesSaveForm } from '../../src/parsers/forms/ruleset-iptables-save.js';

export interface HistoryWish {
  readonly entries: number;
  /** Part of the entries that another connection has taken the place of, a step. */
  readonly churn: number;
  /** Part of the entries that saw a packet, a step. */
  readonly refreshed: number;
  /** CPUs, with a row of conntrack -S each; every counter of them moves in every step. */
  readonly cpus: number;
  /** Counters of nstat, all moving. */
  readonly nstat: number;
  readonly rules: number;
  readonly sockets: number;
  readonly seed: number;
}

export interface HistoryHost {
  /** Lets so many steps of a length go by at once. */
  pass(steps: number, stepS: number): void;
  /** What a snapshot reads of it now. */
  records(): Iterable<EvidenceRecord>;
}

/** conntrack 1.4.7 src/conntrack.c: nfct_stats_attr_cb(): what -S prints of a CPU. */
const STATISTICS = [
  'found',
  'invalid',
  'insert',
  'insert_failed',
  'drop',
  'early_drop',
  'error',
  'search_restart',
  'clash_resolve',
  'chaintoolong',
];

/** Protocol, state and the most seconds that it has left: of ten connections two ask a name server, one gets no answer, one is half closed. */
const KINDS = [
  ...new Array<readonly [string, string, number]>(6).fill(['tcp      6', 'ESTABLISHED', 432_000]),
  ['udp      17', '', 120],
  ['udp      17', '', 30],
  ['tcp      6', 'SYN_SENT', 120],
  ['tcp      6', 'FIN_WAIT', 120],
] as const;

type Changing<T> = { -readonly [Key in keyof T]: T[Key] };

export function newHistoryHost(wish: HistoryWish): HistoryHost {
  let state = wish.seed;
  /** 0 to 1, the same for a seed. */
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let last: EvidenceRecord | null = null;
  const reader = conntrackListForm.open(
    (record) => {
      last = record;
    },
    { fileName: '', command: 'conntrack -L' },
  );
  let born = 0;
  let steps = 0;

  /** Clients behind the gateway, most of them translated; addresses of the documentation, and of 100.64/10 for the many clients. */
  const newEntry = (): Changing<CtEntry> => {
    const number = born++;
    const client = `100.${64 + ((number >> 16) & 63)}.${(number >> 8) & 255}.${number & 255}`;
    const sport = 1024 + ((number * 7919) % 64_000);
    const id = (Math.imul(number, 2_654_435_761) >>> 0) + 1;
    const server = `198.51.100.${number % 20}`;
    const outside = number % 7 === 0 ? client : '203.0.113.1';
    const [head, words, leftS] = KINDS[number % KINDS.length]!;
    const [dport, noAnswer] = head.startsWith('udp') ? [53, ''] : [443, words === 'SYN_SENT' ? '[UNREPLIED] ' : ''];
    const assured = words === 'ESTABLISHED' ? '[ASSURED] ' : '';
    const line = `ipv4     2 ${head} 100 ${words} src=${client} dst=${server} sport=${sport} dport=${dport} ${noAnswer}src=${server} dst=${outside} sport=${dport} dport=${sport} ${assured}mark=0 use=1 id=${id}`;
    last = null;
    reader.line(line, 1);
    const record = last as EvidenceRecord | null;
    if (record?.kind !== 'ct-entry') throw new Error(`not read: ${line}`);
    return { ...record.entry, timeoutS: Math.floor(random() * leftS) };
  };
  const table = Array.from({ length: wish.entries }, newEntry);
  const ruleset = newRuleset(wish.rules);

  function* records(): Generator<EvidenceRecord> {
    yield { kind: 'sysctl', line: 1, name: 'net.netfilter.nf_conntrack_count', value: String(table.length) };
    yield { kind: 'sysctl', line: 2, name: 'net.netfilter.nf_conntrack_max', value: '262144' };
    for (let name = 0; name < 110; name++)
      yield { kind: 'sysctl', line: name + 3, name: `net.setting${name}`, value: '1' };
    let line = 0;
    for (const entry of table) yield { kind: 'ct-entry', line: ++line, list: 'main', entry };
    for (let cpu = 0; cpu < wish.cpus; cpu++) {
      const values = Object.fromEntries(STATISTICS.map((name, at) => [name, steps * (at + 1) + cpu]));
      yield { kind: 'ct-statistics', line: cpu + 1, statistics: { cpu, values } };
    }
    for (let name = 0; name < wish.nstat; name++)
      yield { kind: 'counter', line: name + 1, name: `counter${name}`, value: steps * (name + 1) };
    yield { kind: 'ruleset', line: 1, ruleset: counted(ruleset, steps) };
    for (let number = 0; number < wish.sockets; number++)
      yield { kind: 'socket', line: number + 1, socket: socket(number) };
  }

  return {
    pass(count, stepS) {
      steps += count;
      const gone = 1 - (1 - wish.churn) ** count;
      const seen = 1 - (1 - wish.refreshed) ** count;
      for (let at = 0; at < table.length; at++) {
        const entry = table[at]!;
        if (random() < gone) table[at] = newEntry();
        else if (random() < seen) entry.timeoutS = entry.state === 'ESTABLISHED' ? 431_999 : 119;
        else entry.timeoutS = Math.max(0, (entry.timeoutS ?? 0) - stepS * count);
      }
    },
    records,
  };
}

function read(form: Form, lines: readonly string[], command: string): readonly EvidenceRecord[] {
  const found: EvidenceRecord[] = [];
  const reader = form.open((record) => found.push(record), { fileName: '', command });
  for (const [at, line] of lines.entries()) reader.line(line, at + 1);
  reader.end();
  return found;
}

/** A third of the rules translate, each with a port of its own; the others count what they let through. */
function newRuleset(rules: number): Ruleset {
  const nat = Math.ceil(rules / 3);
  const lines = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ...Array.from({ length: nat - 1 }, (_, number) =>
      number % 2 === 0
        ? `[1:60] -A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport ${8000 + number} -j DNAT --to-destination 100.64.0.${number % 250}:80`
        : `[1:60] -A POSTROUTING -s 100.${64 + number}.0.0/16 -p tcp -m tcp --dport ${9000 + number} -j SNAT --to-source 203.0.113.${number % 250}`,
    ),
    '[1:60] -A POSTROUTING -s 100.64.0.0/10 -o eth0 -j SNAT --to-source 203.0.113.1',
    'COMMIT',
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ...Array.from(
      { length: rules - nat },
      (_, number) =>
        `[1:60] -A FORWARD -s 100.${64 + (number % 60)}.0.0/16 -p tcp -m tcp --dport ${1000 + number} -j ACCEPT`,
    ),
    'COMMIT',
  ];
  const found = read(iptablesSaveForm, lines, 'iptables-save -c').find((record) => record.kind === 'ruleset');
  if (found?.kind !== 'ruleset') throw new Error('the rules were not read');
  return found.ruleset;
}

function counted(ruleset: Ruleset, steps: number): Ruleset {
  const grown = (rule: Rule): Rule => ({ ...rule, packets: steps * rule.number, bytes: steps * rule.number * 60 });
  return { ...ruleset, chains: ruleset.chains.map((chain) => ({ ...chain, rules: chain.rules.map(grown) })) };
}

function socket(number: number): Extract<EvidenceRecord, { kind: 'socket' }>['socket'] {
  return {
    proto: 6,
    state: number % 4 === 0 ? 'FIN-WAIT-1' : 'CLOSE-WAIT',
    local: '203.0.113.1',
    lport: 20_000 + number,
    peer: `198.51.100.${number % 20}`,
    pport: 443,
    recvQ: 0,
    sendQ: 1,
    timer: 'on',
    timerMs: null,
    retrans: 3,
    uid: 0,
    inode: 0,
    process: null,
    info: {},
  };
}
