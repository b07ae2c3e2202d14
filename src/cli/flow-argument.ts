// Filters as they are typed: addresses, ports, protocols, and a flow pasted from ss, conntrack, a LOG line or tcpdump.

import { isIP } from 'node:net';
import type { FlowFilter, PortRange } from '../model/flow-filter.js';
import { NO_FILTER } from '../model/flow-filter.js';
import { canonicalAddress } from '../text/address.js';
import { UsageError } from '../text/errors.js';
import { protocolNumber } from '../text/protocols.js';
import { portNumber } from '../text/service-ports.js';
import { parseTime } from '../text/time-words.js';
import { type CommandInput, hasSwitch, optionValue } from './command.js';

const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];

/** '10.0.0.0/8', '2001:db8::1', several with commas. @throws UsageError */
export function parseAddresses(text: string, option: string): readonly string[] {
  return text.split(',').map((one) => {
    const [address, prefix, ...more] = one.trim().split('/');
    const family = isIP(address ?? '');
    const isPrefix =
      prefix === undefined ||
      (/^\d{1,3}$/.test(prefix) ? Number(prefix) <= (family === 4 ? 32 : 128) : family === 4 && isIP(prefix) === 4);
    if (family === 0 || !isPrefix || more.length > 0)
      throw new UsageError(`--${option}: '${one}' is no address; give 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32`);
    const canonical = canonicalAddress(address!);
    return prefix === undefined ? canonical : `${canonical}/${prefix}`;
  });
}

/** '443', '1000:2000', '1000-2000', 'https', several with commas. @throws UsageError */
export function parsePorts(text: string, option: string): readonly PortRange[] {
  return text.split(',').map((one) => {
    const range = /^(\d{1,5})[:-](\d{1,5})$/.exec(one.trim());
    const [from, to] = range === null ? [port(one.trim()), port(one.trim())] : [Number(range[1]), Number(range[2])];
    if (from === null || to === null || from > 65_535 || to > 65_535 || from > to)
      throw new UsageError(`--${option}: '${one}' is no port; give 443, 1000:2000 or a service name`);
    return { from, to };
  });
}

function port(text: string): number | null {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  return portNumber(text);
}

const TCP_FLAGS: readonly string[] = ['CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN'];

/** @throws UsageError for a word that is no TCP flag */
function parseFlags(text: string | null): readonly string[] | null {
  if (text === null) return null;
  const words = text
    .toUpperCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  const odd = words.find((word) => !TCP_FLAGS.includes(word));
  if (odd !== undefined) throw new UsageError(`--tcp-flags: '${odd}' is no TCP flag; give ${TCP_FLAGS.join(', ')}`);
  return words;
}

function wholeNumber(text: string | null, option: string): number | null {
  if (text === null) return null;
  const value = /^0x[0-9a-f]{1,8}$/i.test(text)
    ? Number.parseInt(text, 16)
    : /^\d{1,10}$/.test(text)
      ? Number(text)
      : Number.NaN;
  if (!Number.isInteger(value)) throw new UsageError(`--${option} takes a number, not '${text}'`);
  return value;
}

interface Ends {
  readonly proto: number | null;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string | null;
  readonly dport: number | null;
}

/** 'ADDR:PORT' with or without brackets; tcpdump's 'ADDR.PORT' where asked. */
function endOf(text: string, separator: ':' | '.'): { readonly address: string; readonly port: number | null } | null {
  const bracketed = /^\[([0-9a-f:.%a-z]+)\]:(\d{1,5})$/i.exec(text);
  if (bracketed !== null && isIP(bracketed[1]!.split('%')[0]!) !== 0)
    return { address: canonicalAddress(bracketed[1]!), port: Number(bracketed[2]) };
  const at = text.lastIndexOf(separator);
  const [address, number] = [text.slice(0, at), text.slice(at + 1)];
  if (at > 0 && isIP(address.split('%')[0]!) !== 0 && /^\d{1,5}$/.test(number))
    return { address: canonicalAddress(address), port: Number(number) };
  return isIP(text) === 0 ? null : { address: canonicalAddress(text), port: null };
}

/** The first tuple a pasted line holds; NULL when it holds none. */
export function parseFlow(text: string): Ends | null {
  const field = (name: string) => new RegExp(`(?:^|[\\s\\[])${name}=(\\S+)`).exec(text)?.[1] ?? null;
  const numberOf = (value: string | null) => (value !== null && /^\d+$/.test(value) ? Number(value) : null);
  const logged = field('SRC');
  if (logged !== null && field('DST') !== null) {
    return {
      proto: field('PROTO') === null ? null : protocolNumber(field('PROTO')!),
      src: canonicalAddress(logged),
      dst: canonicalAddress(field('DST')!),
      sport: numberOf(field('SPT')),
      dport: numberOf(field('DPT')),
    };
  }
  const tracked = field('src');
  if (tracked !== null && field('dst') !== null) {
    const name = /\b(tcp|udp|icmp|icmpv6|sctp|dccp|gre|udplite)\b/.exec(text)?.[1];
    return {
      proto: name === undefined ? null : protocolNumber(name),
      src: canonicalAddress(tracked),
      dst: canonicalAddress(field('dst')!),
      sport: numberOf(field('sport')),
      dport: numberOf(field('dport')),
    };
  }
  const dumped = /\bIP6? (\S+) > (\S+?):/.exec(text);
  if (dumped !== null) {
    const [a, b] = [endOf(dumped[1]!, '.'), endOf(dumped[2]!, '.')];
    if (a !== null && b !== null)
      return {
        proto: /Flags \[/.test(text) ? 6 : /UDP/.test(text) ? 17 : null,
        src: a.address,
        sport: a.port,
        dst: b.address,
        dport: b.port,
      };
  }
  const ends = text
    .split(/[\s>]+/)
    .map((word) => endOf(word.replace(/,$/, ''), ':'))
    .filter((end) => end !== null);
  if (ends.length === 0) return null;
  const proto = /\b(tcp|udp|sctp|icmp)\b/i.exec(text)?.[1];
  return {
    proto: proto === undefined ? null : protocolNumber(proto),
    src: ends[0]!.address,
    sport: ends[0]!.port,
    dst: ends[1]?.address ?? null,
    dport: ends[1]?.port ?? null,
  };
}

export interface FilterContext {
  readonly nowUs: number;
  readonly zone: string;
}

/** The filter of a command line. @throws UsageError naming the option and what it takes */
export function parseFilter(input: CommandInput, { nowUs, zone }: FilterContext): FlowFilter {
  const value = (name: string) => optionValue(input, name);
  const proto = value('proto');
  const number = proto === null ? null : protocolNumber(proto);
  if (proto !== null && number === null)
    throw new UsageError(`--proto: there is no protocol '${proto}'; give tcp, udp, icmp or a number`);
  if (hasSwitch(input, 'ipv4') && hasSwitch(input, 'ipv6')) throw new UsageError('-4 and -6 together leave nothing');
  const state = value('ctstate')?.toUpperCase() ?? null;
  if (state !== null && !STATES.includes(state))
    throw new UsageError(`--ctstate takes one of ${STATES.join(', ')}, not '${state}'`);
  const of = (name: string) => value(name);
  const flow = of('flow');
  const pasted = flow === null || /^\d{1,6}$/.test(flow) ? null : parseFlow(flow);
  if (flow !== null && pasted === null && !/^\d{1,6}$/.test(flow))
    throw new UsageError(
      `--flow: no flow in '${flow}'; give the number of a finding, ADDR:PORT, or a line of ss, conntrack, LOG or tcpdump`,
    );
  const src = of('src');
  const dst = of('dst');
  const sport = of('sport');
  const dport = of('dport');
  const range = (port_: number | null | undefined) =>
    port_ === null || port_ === undefined ? null : [{ from: port_, to: port_ }];
  const ports = sport !== null || dport !== null;
  const since = of('since');
  const until = of('until');
  const [fromUs, toUs] = [since, until].map((text) => (text === null ? null : parseTime(text, { nowUs, zone })));
  if (fromUs !== null && toUs !== null && fromUs! > toUs!) throw new UsageError('--since is later than --until');
  return {
    ...NO_FILTER,
    protos: number !== null ? [number] : pasted?.proto != null ? [pasted.proto] : ports ? [6, 17] : null,
    src: src !== null ? parseAddresses(src, 'src') : pasted === null ? null : [pasted.src],
    dst: dst !== null ? parseAddresses(dst, 'dst') : pasted?.dst == null ? null : [pasted.dst],
    sport: sport !== null ? parsePorts(sport, 'sport') : range(pasted?.sport),
    dport: dport !== null ? parsePorts(dport, 'dport') : range(pasted?.dport),
    family: hasSwitch(input, 'ipv4') ? 4 : hasSwitch(input, 'ipv6') ? 6 : null,
    icmpType: wholeNumber(of('icmp-type'), 'icmp-type'),
    inIf: of('in-interface'),
    outIf: of('out-interface'),
    flags: parseFlags(of('tcp-flags')),
    mark: wholeNumber(of('mark'), 'mark'),
    zone: wholeNumber(of('zone'), 'zone'),
    ctstate: state,
    reasonId: of('reason'),
    hostName: of('host'),
    fromUs: fromUs ?? null,
    toUs: toUs ?? null,
    finding: flow !== null && /^\d{1,6}$/.test(flow) ? Number(flow) : null,
  };
}
