// The default output of iptables-tracer: a line of the packet, and below it, indented, each chain with the rule that matched and what
// became of the packet there.

import { emptyPacket, type PacketDraft } from '../../model/packet.js';
import type { TraceStep } from '../../model/trace.js';
import { canonicalAddress } from '../../text/address.js';
import { protocolNumber } from '../../text/protocols.js';
import { flagBit, flagWords } from '../capture/tcp-flags.js';

const PACKET = /^IN=(\S*) OUT=(\S*) SRC=(\S+) DST=(\S+) LEN=\d+ .*\bPROTO=\S+ .*\bCSUM=[0-9a-f]+\s*$/;
const CHAIN = /^\s+(raw|mangle|nat|filter|security) (\S+) NFMARK=(0x[0-9a-f]+)\s*(?:IN=(\S*) OUT=(\S*) )?/;
const MATCH = /^\s+MATCH RULE \(#(\d{1,6})\): (.*?)\s*$/;
const POLICY = /^\s+DEFAULT POLICY\s*$/;
const OUTCOME = /^\s+=> (\S+?):?(?: (.*?))?\s*$/;
const VERDICTS: ReadonlySet<string> = new Set([
  'ACCEPT',
  'DROP',
  'REJECT',
  'RETURN',
  'QUEUE',
  'DNAT',
  'SNAT',
  'MASQUERADE',
  'REDIRECT',
]);

export function isTracerPacket(line: string): boolean {
  return PACKET.test(line);
}

function packetOf(line: string): PacketDraft {
  const packet = emptyPacket();
  const words = new Map([...line.matchAll(/([A-Z]+)=(\S*)/g)].map(([, key, value]) => [key!, value!]));
  const number = (key: string): number | null => {
    const value = words.get(key);
    return value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : null;
  };
  packet.inIf = words.get('IN') || null;
  packet.outIf = words.get('OUT') || null;
  packet.src = canonicalAddress(words.get('SRC') ?? '');
  packet.dst = canonicalAddress(words.get('DST') ?? '');
  packet.family = packet.src.includes(':') ? 'ip6' : 'ip';
  packet.lenBytes = number('LEN');
  packet.ttl = number('TTL');
  packet.ipId = number('ID');
  packet.proto = protocolNumber(words.get('PROTO') ?? '');
  packet.sport = number('SPT');
  packet.dport = number('DPT');
  packet.seq = number('SEQ');
  packet.ack = number('ACK');
  packet.dontFragment = / DF /.test(line);
  const flags = words.get('FLAGS');
  if (flags !== undefined)
    packet.flags = flagWords(flags.split(/[,|]/).reduce((bits, word) => bits | (flagBit(word) ?? 0), 0));
  return packet;
}

interface Chain {
  readonly table: string;
  readonly name: string;
  readonly mark: number;
  rule: { readonly number: number; readonly text: string } | null;
  isPolicy: boolean;
}

export interface TracerBlock {
  /** The steps that a line completes; NULL when the line is none of the block's. */
  line(text: string, line: number): readonly TraceStep[] | null;
}

/** Reads blocks one after another. Rules are numbered from 1 as iptables -L --line-numbers does. */
export function openTracerBlock(): TracerBlock {
  let packet: PacketDraft | null = null;
  let traceId = '';
  let chain: Chain | null = null;

  const step = (ruleKind: TraceStep['ruleKind'], more: Partial<TraceStep>): TraceStep => ({
    tool: 'legacy',
    traceId,
    family: packet?.family === 'ip6' ? 'ip6' : 'ip',
    table: chain?.table ?? null,
    chain: chain?.name ?? null,
    ruleKind,
    handle: null,
    ruleNumber: chain?.rule?.number ?? null,
    ruleText: chain?.rule?.text ?? null,
    verdict: null,
    packet: null,
    ctDirection: null,
    ctState: null,
    ctStatus: null,
    ctId: null,
    mark: chain?.mark ?? null,
    ...more,
  });

  return {
    line(text, line) {
      if (PACKET.test(text)) {
        packet = packetOf(text);
        traceId = `#${line}`;
        chain = null;
        return [step('packet', { packet })];
      }
      if (packet === null) return null;
      const head = CHAIN.exec(text);
      if (head !== null) {
        const [, table, name, mark, inIf, outIf] = head;
        chain = { table: table!, name: name!, mark: Number(mark), rule: null, isPolicy: false };
        if (inIf === undefined) return [];
        // The last rule changed the packet; the line tells only its interfaces anew.
        packet = { ...packet, inIf: inIf || null, outIf: outIf || null };
        return [];
      }
      if (chain === null) return text.startsWith('\t') ? [] : null;
      const match = MATCH.exec(text);
      if (match !== null) {
        chain.rule = { number: Number(match[1]), text: match[2]! };
        return [];
      }
      if (POLICY.test(text)) {
        chain.isPolicy = true;
        return [];
      }
      const outcome = OUTCOME.exec(text);
      if (outcome === null) return text.startsWith('\t') ? [] : null;
      const word = outcome[1]!;
      const verdict = VERDICTS.has(word)
        ? word.toLowerCase()
        : chain.rule !== null
          ? `jump ${word}`
          : word.toLowerCase();
      const kind = chain.isPolicy ? 'policy' : chain.rule === null ? 'return' : 'rule';
      return [step(kind, { verdict, packet })];
    },
  };
}
