// `--packet '-p tcp -s 192.0.2.5 --dport 25'`: the words of iptables that describe a packet, checked, as conditions it meets.

import { contradiction, DESCRIBABLE } from '../../analysis/packet-path/described-packet.js';
import type { Condition } from '../../model/ruleset.js';
import { readRuleWords } from '../../parsers/ruleset/iptables-rule.js';
import { plainWord, splitSaveWords, type Word } from '../../parsers/ruleset/words.js';
import { addressBytes } from '../../text/address-bytes.js';
import { UsageError } from '../../text/errors.js';
import { protocolNumber } from '../../text/protocols.js';

export interface PacketWords {
  readonly conditions: readonly Condition[];
  readonly family: 4 | 6 | null;
}

/** Matches whose options are understood without -m, the likelier one of two that share a word last. */
const MATCHES = ['tcp', 'icmp', 'icmp6', 'multiport', 'iprange', 'length', 'ttl', 'hl', 'dscp', 'mac', 'owner'];
const OF_TRACKER = ['pkttype', 'connmark', 'helper', 'mark', 'state', 'conntrack'];
const LOADED: readonly Word[] = [...MATCHES, ...OF_TRACKER].flatMap((name) => [plainWord('-m'), plainWord(name)]);

const HINT =
  "A packet is described as a rule of iptables tests it: --packet '-p tcp -s 192.0.2.5 --dport 25 -i eth0 --ctstate NEW'";
const WITH_PORTS = ['tcp', 'udp', 'udplite', 'sctp', 'dccp'];
const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NONE'];

function wrong(text: string): never {
  throw new UsageError(`--packet: ${text}`, HINT);
}

const isPort = (value: string) => {
  const [from = '', to = from] = value.split(':');
  return /^\d{1,5}$/.test(from) && /^\d{1,5}$/.test(to) && Number(from) <= Number(to) && Number(to) <= 65_535;
};

const isAddress = (value: string) => {
  const dash = value.indexOf('-');
  if (dash > 0) return [value.slice(0, dash), value.slice(dash + 1)].every((one) => addressBytes(one) !== null);
  const [base = '', bits, ...more] = value.split('/');
  const bytes = addressBytes(base);
  if (value === 'any') return true;
  return (
    bytes !== null &&
    more.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= bytes.length * 8))
  );
};

interface Check {
  readonly is: (value: string) => boolean;
  /** What it takes, for the message. */
  readonly takes: string;
}

const ADDRESS: Check = { is: isAddress, takes: 'an address, 192.0.2.0/24 or a range' };
const PORT: Check = { is: isPort, takes: 'a port, 1000:2000 or the name of a service' };
const NUMBER: Check = { is: (value) => /^\d+(:\d+)?$/.test(value), takes: 'a number or a range of numbers' };
const INTERFACE: Check = {
  is: (value) => /^[A-Za-z0-9_.:@-]{1,15}\*?$/.test(value),
  takes: 'the name of an interface (15 characters at most), or its beginning and +',
};
const MARK: Check = {
  is: (value) => /^(0x[0-9a-f]+|\d+)(\/(0x[0-9a-f]+|\d+))?$/i.test(value),
  takes: 'a number, or a number and a mask: 0x10/0xff',
};
const ICMP: Check = { is: (value) => /^(any|\d+(\/\d+)?)$/.test(value), takes: 'a type: 8, 3/4 or echo-request' };

const CHECKS: Readonly<Record<string, Check>> = {
  src: ADDRESS,
  dst: ADDRESS,
  sport: PORT,
  dport: PORT,
  in: INTERFACE,
  out: INTERFACE,
  proto: {
    is: (value) => protocolNumber(value) !== null,
    takes: 'a protocol: tcp, udp, icmp or a number',
  },
  ctstate: { is: (value) => STATES.includes(value), takes: `one or more of ${STATES.join(',')}` },
  ctdir: { is: (value) => value === 'ORIGINAL' || value === 'REPLY', takes: 'ORIGINAL or REPLY' },
  'tcp-flags': {
    is: (value) => value.split(/[/,]/).every((flag) => FLAGS.includes(flag)),
    takes: 'two lists of flags: SYN,ACK SYN',
  },
  'icmp-type': ICMP,
  'icmpv6-type': ICMP,
  mark: MARK,
  ctmark: MARK,
  ttl: NUMBER,
  hl: NUMBER,
  length: NUMBER,
  uid: NUMBER,
  gid: NUMBER,
  dscp: NUMBER,
};

/** @throws UsageError naming the word that no packet has, or that has a value it cannot have */
export function packetWords(text: string): PacketWords {
  const split = splitSaveWords(text);
  if (!split.ok) wrong(`${split.reason} in '${text}'`);
  const isSwitch = (word: Word, ...names: readonly string[]) => !word.isQuoted && names.includes(word.text);
  const isFour = split.words.some((word) => isSwitch(word, '-4', '--ipv4'));
  const isSix = split.words.some((word) => isSwitch(word, '-6', '--ipv6'));
  if (isFour && isSix) wrong('-4 and -6 together leave nothing');
  const family = isFour ? 4 : isSix ? 6 : null;
  const words = split.words.filter((word) => !isSwitch(word, '-4', '--ipv4', '-6', '--ipv6'));
  if (words.length === 0 && family === null) wrong('it says nothing of the packet');
  const read = readRuleWords('', [...LOADED, ...words], 1);
  if (!read.ok) wrong(read.reason);
  const { draft } = read;
  if (draft.target !== null) wrong(`-j ${draft.target} is what a rule does; a packet has none`);
  const conditions = [...draft.conditions];
  for (const condition of conditions) checkOne(condition, text);
  checkTogether(conditions);
  return { conditions: [...conditions, ...implied(conditions)], family: checkedFamily(conditions, family) };
}

function checkOne({ field, values, text }: Condition, typed: string): void {
  if (field === 'other' || !DESCRIBABLE.has(field)) {
    // The match that an unknown word is taken to belong to is the last of ours, unless somebody wrote it.
    const own = typed.includes('conntrack') ? text : text.replace('-m conntrack ', '');
    wrong(`'${own}' is nothing that a packet can be described by here`);
  }
  const check = CHECKS[field];
  const odd = check === undefined ? undefined : values.find((value) => !check.is(value));
  if (odd !== undefined) wrong(`'${text}': '${odd}' will not do; it takes ${check?.takes ?? ''}`);
}

/** The protocols it can have; NULL: any. */
function protosOf(conditions: readonly Condition[]): readonly string[] | null {
  return conditions.find(({ field, isNegated }) => field === 'proto' && !isNegated)?.values ?? null;
}

function checkTogether(conditions: readonly Condition[]): void {
  const has = (...fields: readonly string[]) => conditions.find(({ field }) => fields.includes(field));
  for (const field of ['proto', 'in', 'out'])
    if (conditions.filter((one) => one.field === field).length > 1)
      wrong(`it names two of ${has(field)?.text ?? field}`);
  const proto = protosOf(conditions)?.[0] ?? null;
  const needs = (found: Condition | undefined, protos: readonly string[]) => {
    if (found !== undefined && proto !== null && !protos.includes(proto))
      wrong(`'${found.text}' needs -p ${protos.join(' or -p ')}, not ${proto}`);
  };
  needs(has('sport', 'dport'), WITH_PORTS);
  needs(has('tcp-flags'), ['tcp']);
  needs(has('icmp-type'), ['icmp']);
  needs(has('icmpv6-type'), ['icmpv6']);
}

/** The protocol that another word stands for: iptables wants it said, here it goes without saying. */
function implied(conditions: readonly Condition[]): readonly Condition[] {
  if (protosOf(conditions) !== null) return [];
  const has = (...fields: readonly string[]) => conditions.some(({ field }) => fields.includes(field));
  const protos = has('tcp-flags')
    ? ['tcp']
    : has('sport', 'dport')
      ? ['tcp', 'udp']
      : has('icmp-type')
        ? ['icmp']
        : has('icmpv6-type')
          ? ['icmpv6']
          : null;
  if (protos === null) return [];
  return [{ field: 'proto', isNegated: false, values: protos, text: `-p ${protos.join(',')}`, group: null }];
}

function checkedFamily(conditions: readonly Condition[], family: 4 | 6 | null): 4 | 6 | null {
  const against = contradiction(conditions, family);
  if (against !== null) wrong(against);
  return family;
}
