// Counters of the kernel's network stack: nstat in text and JSON, and the files that it reads (/proc/net/snmp, netstat, snmp6).

import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';

const NSTAT_ROW = /^([A-Z][A-Za-z0-9]{2,63})\s+(-?\d{1,20})\s+(-?[\d.]+)\s*$/;
const NSTAT_HEAD = /^#(?:kernel\b|\d+\.\d+ sampling_interval=)/;
/** Two lines: 'TcpExt: SyncookiesSent …' names, then 'TcpExt: 0 …' values. */
const PAIRED = /^((?:Ip|Icmp|IcmpMsg|Tcp|Udp|UdpLite|TcpExt|IpExt|MPTcpExt|Sctp)): (\S.*)$/;
const SNMP6_ROW = /^((?:Ip6|Icmp6|Udp6|UdpLite6)[A-Za-z0-9]+)\s+(\d{1,20})\s*$/;
/** net/ipv4/proc.c: sockstat_seq_show(), net/ipv6/proc.c: sockstat6_seq_show(), v6.18. */
const SOCKSTAT = /^(sockets|(?:TCP|UDP|UDPLITE|RAW|FRAG)6?):((?: [a-z]+ \d{1,15})+)$/;
const JSON_START = /^\{"(?:kernel|\d+\.\d+)":\s*\{/;

/** nstat without -a prints what has grown since it was last run, by whomever: no reading of a counter. */
function printsIncrements(command: string | null): boolean {
  const options = /\bnstat\b(.*)$/.exec(command ?? '')?.[1];
  return (
    options !== undefined && !/\s-[a-z]*a|--ignore/.test(options) && !/NSTAT_HISTORY=\/dev\/null/.test(command ?? '')
  );
}

const INCREMENTS: LineOutcome = {
  is: 'unread',
  reason: 'nstat without -a prints increments since an unknown moment',
  at: 0,
};

function openReader(emit: Emit, context: FormContext): FormReader {
  let names: { readonly prefix: string; readonly words: readonly string[] } | null = null;
  const isRelative = printsIncrements(context.command);

  const readJson = (text: string, line: number): LineOutcome => {
    const body = text.slice(text.indexOf('{', 1));
    let found = 0;
    for (const [, name, value] of body.matchAll(/"([A-Z][A-Za-z0-9]{2,63})":\s*(-?\d{1,20})(?=\s*[,}])/g)) {
      emit({ kind: 'counter', line, name: name!, value: Number(value) });
      found++;
    }
    return found > 0 ? TAKEN : { is: 'unread', reason: 'no counters in the object', at: 0 };
  };

  const readPaired = (prefix: string, words: readonly string[], line: number): LineOutcome => {
    const areValues = words.every((word) => /^-?\d+$/.test(word));
    if (!areValues) {
      names = { prefix, words };
      return TAKEN;
    }
    const known = names;
    names = null;
    if (known === null || known.prefix !== prefix)
      return { is: 'unread', reason: 'values without the line of their names', at: 0 };
    words.slice(0, known.words.length).forEach((word, at) => {
      emit({ kind: 'counter', line, name: `${prefix}${known.words[at]!}`, value: Number(word) });
    });
    return words.length === known.words.length
      ? TAKEN
      : { is: 'unread', reason: `${known.words.length} names and ${words.length} values`, at: 0 };
  };

  return {
    line(text, line) {
      if (text.trim() === '' || NSTAT_HEAD.test(text)) return TAKEN;
      const row = NSTAT_ROW.exec(text);
      if (row !== null) {
        if (isRelative) return INCREMENTS;
        emit({ kind: 'counter', line, name: row[1]!, value: Number(row[2]) });
        return TAKEN;
      }
      if (JSON_START.test(text)) return isRelative ? INCREMENTS : readJson(text, line);
      const snmp6 = SNMP6_ROW.exec(text);
      if (snmp6 !== null) {
        emit({ kind: 'counter', line, name: snmp6[1]!, value: Number(snmp6[2]) });
        return TAKEN;
      }
      const sockstat = SOCKSTAT.exec(text.trimEnd());
      if (sockstat !== null) {
        for (const [, name, value] of sockstat[2]!.matchAll(/ ([a-z]+) (\d+)/g))
          emit({ kind: 'counter', line, name: `sockstat.${sockstat[1]!}.${name!}`, value: Number(value) });
        return TAKEN;
      }
      const paired = PAIRED.exec(text);
      if (paired !== null) return readPaired(paired[1]!, paired[2]!.trim().split(/\s+/), line);
      return OTHER;
    },
    end() {},
  };
}

export const nstatForm: Form = {
  id: 'nstat',
  title: 'nstat -az (also -j), /proc/net/snmp, /proc/net/netstat, /proc/net/snmp6, /proc/net/sockstat',
  recognise(line) {
    if (/^#kernel\s*$/.test(line) || JSON_START.test(line)) return 90;
    if (NSTAT_HEAD.test(line)) return 80;
    if (SOCKSTAT.test(line.trimEnd())) return 85;
    if (
      /^(?:Ip: Forwarding |TcpExt: Syncookies|Icmp: InMsgs |Tcp: RtoAlgorithm|Udp: InDatagrams|IpExt: InNoRoutes)/.test(
        line,
      )
    )
      return 95;
    if (NSTAT_ROW.test(line) && /^(?:Ip|Icmp|Tcp|Udp|MPTcp|Sctp)/.test(line)) return 75;
    return SNMP6_ROW.test(line) ? 70 : 0;
  },
  open: openReader,
};
