// Steps through iptables-legacy rules as other tools print them: iptables-tracer, skbtracer, and tshark over packets that the TRACE
// target handed to NFLOG.

import type { RuleKind } from '../../model/kernel-line.js';
import { emptyPacket, type PacketDraft } from '../../model/packet.js';
import type { TraceStep } from '../../model/trace.js';
import { canonicalAddress } from '../../text/address.js';
import { flagBit, flagWords } from '../capture/tcp-flags.js';

const EMPTY = {
  tool: 'legacy',
  handle: null,
  ruleText: null,
  verdict: null,
  packet: null,
  ctDirection: null,
  ctState: null,
  ctStatus: null,
  ctId: null,
  mark: null,
} as const;

/** '333e26bf278d TRACE: raw:PREROUTING:rule:3  "-A PREROUTING …"': an id per packet, the rule's text in quotes. */
const TRACER = /^([0-9a-f]{8,16}) TRACE: ([^\s:]+):([^\s:]+):(rule|return|policy):(\d{1,6})\s*(?:"(-[AP] .*)")?\s*$/;
/** 'TRACE: raw:PREROUTING:rule:2    Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.1 …'. */
const TSHARK =
  /^TRACE: ([^\s:]+):([^\s:]+):(rule|return|policy):(\d{1,6})\s+Internet Protocol Version ([46]), Src: ([^\s,]+)(?: \([^)]*\))?, Dst: ([^\s,]+)/;
/** '[04:53:15] [0xffff…] [4026531840] 6888 3  eth0 00:… 264 T_ACK,PSH:192.0.2.1:22->192.0.2.2:53059 ipttrace=[pf=PF_INET in= out=eth0 table=filter …]'. */
const SKBTRACER =
  /^\[[\d:.]+\]\s+\[(0x[0-9a-f]+)\]\s.*?\s(\d+)\s+([A-Z])_([A-Za-z_,]*):(\S+)->(\S+)\s+ipttrace=\[pf=(PF_INET6?) in=(\S*) out=(\S*) table=(\S+) chain=(\S+) hook=\d+ rulenum=(\d+)\]/;

function endpoint(text: string): { readonly address: string; readonly port: number | null } {
  const match = /^\[?(.*?)\]?:(\d{1,5})$/.exec(text);
  return match === null
    ? { address: canonicalAddress(text), port: null }
    : { address: canonicalAddress(match[1]!), port: Number(match[2]) };
}

function tracer(line: string): TraceStep | null {
  const match = TRACER.exec(line);
  if (match === null) return null;
  const [, traceId, table, chain, ruleKind, number, ruleText] = match;
  const policy = ruleKind === 'policy' ? / (ACCEPT|DROP)$/.exec(ruleText ?? '')?.[1] : undefined;
  return {
    ...EMPTY,
    traceId: traceId!,
    family: 'ip',
    table: table!,
    chain: chain!,
    ruleKind: ruleKind as RuleKind,
    ruleNumber: Number(number),
    ruleText: ruleText?.startsWith('-A') === true ? ruleText : null,
    verdict: policy?.toLowerCase() ?? null,
  };
}

function tshark(line: string, lineNumber: number): TraceStep | null {
  const match = TSHARK.exec(line);
  if (match === null) return null;
  const [, table, chain, ruleKind, number, version, src, dst] = match;
  const packet: PacketDraft = emptyPacket();
  packet.family = version === '6' ? 'ip6' : 'ip';
  packet.src = canonicalAddress(src!);
  packet.dst = canonicalAddress(dst!);
  return {
    ...EMPTY,
    // Nothing in the line tells one packet from the next.
    traceId: `#${lineNumber}`,
    family: packet.family,
    table: table!,
    chain: chain!,
    ruleKind: ruleKind as RuleKind,
    ruleNumber: Number(number),
    packet,
  };
}

function skbtracer(line: string, lineNumber: number): TraceStep | null {
  const match = SKBTRACER.exec(line);
  if (match === null) return null;
  const [, , length, proto, flags, from, to, family, inIf, outIf, table, chain, number] = match;
  const packet = emptyPacket();
  const src = endpoint(from!);
  const dst = endpoint(to!);
  packet.family = family === 'PF_INET6' ? 'ip6' : 'ip';
  packet.src = src.address;
  packet.dst = dst.address;
  packet.sport = src.port;
  packet.dport = dst.port;
  packet.lenBytes = Number(length);
  packet.inIf = inIf === '' ? null : inIf!;
  packet.outIf = outIf === '' ? null : outIf!;
  packet.proto = { T: 6, U: 17, I: 1 }[proto!] ?? null;
  if (packet.proto === 6)
    packet.flags = flagWords(flags!.split(',').reduce((bits, word) => bits | (flagBit(word) ?? 0), 0));
  return {
    ...EMPTY,
    // The kernel gives the address of a freed packet to the next one.
    traceId: `#${lineNumber}`,
    family: packet.family,
    table: table!,
    chain: chain!,
    ruleKind: 'rule',
    ruleNumber: Number(number),
    packet,
  };
}

/** A step, or NULL when the line is none of these tools'. */
export function readLegacyTool(line: string, lineNumber: number): TraceStep | null {
  return tracer(line) ?? tshark(line, lineNumber) ?? skbtracer(line, lineNumber);
}
