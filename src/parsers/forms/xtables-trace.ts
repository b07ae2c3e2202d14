// `xtables-monitor --trace` and `--event`: steps of packets through the rules of iptables-nft (iptables/xtables-monitor.c, 1.8.9).

import type { RuleKind } from '../../model/kernel-line.js';
import type { Packet } from '../../model/packet.js';
import type { TraceStep } from '../../model/trace.js';
import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { readLineStart } from '../trace/line-start.js';
import { readXtablesPacket } from '../trace/xtables-packet.js';

/** NFPROTO_*: the family of the table that the event came from; 0 when the tool was not told which to show (1.8.2 and older). */
const FAMILIES: Readonly<Record<string, string>> = {
  '0': 'unknown',
  '1': 'inet',
  '2': 'ip',
  '3': 'arp',
  '5': 'netdev',
  '7': 'bridge',
  '10': 'ip6',
};
/** Verdicts the tool has no word for (include/uapi/linux/netfilter/nf_tables.h: enum nft_verdicts, v6.18). */
const NUMBERED_VERDICTS: Readonly<Record<string, string>> = {
  '0xffffffff': 'continue',
  '0xfffffffe': 'break',
  '0xfffffffd': 'jump',
  '0xfffffffc': 'goto',
  '0xfffffffb': 'return',
};

const HEAD = /^(PACKET|TRACE): (\d{1,2}) ([0-9a-f]{1,8}) /;
const STEP = /^([^\s:]+):([^\s:]+):(?:(rule):(0x[0-9a-f]+):([^\s:]+)(?::(\S+))?|(policy):(\S*)|(return):(\S*))(.*)$/;
const EVENT = /^(?:EVENT:|NEWGEN:) ?/;
/** A rule as the save programs print it, with the family and table before it. */
const RULE = /^\s*(?:-[460] )?(?:-t \S+ )?(-A .*?)\s*$/;

function verdictWord(verdict: string, target: string | undefined): string {
  const word = NUMBERED_VERDICTS[verdict.toLowerCase()] ?? verdict.toLowerCase();
  return target === undefined ? word : `${word} ${target}`;
}

/** All fields written out: spreading an object for every line takes longer than reading the line. */
function stepOf(
  traceId: string,
  family: string,
  ruleKind: RuleKind,
  place: { readonly table: string | null; readonly chain: string | null; readonly handle: number | null },
  ruleText: string | null,
  verdict: string | null,
  packet: Packet | null,
): TraceStep {
  return {
    tool: 'xtables',
    traceId,
    family,
    table: place.table,
    chain: place.chain,
    ruleKind,
    handle: place.handle,
    ruleNumber: null,
    ruleText,
    verdict,
    packet,
    ctDirection: null,
    ctState: null,
    ctStatus: null,
    ctId: null,
    mark: packet?.mark ?? null,
  };
}

const NOWHERE = { table: null, chain: null, handle: null };

function readStep(text: string, traceId: string, family: string): TraceStep | null {
  const match = STEP.exec(text);
  if (match === null) return null;
  const [, table, chain, rule, handle, verdict, target, policy, policyVerdict, , returnTarget, rest] = match;
  const ruleKind: RuleKind = rule !== undefined ? 'rule' : policy !== undefined ? 'policy' : 'return';
  const said = rule !== undefined ? verdict : policyVerdict;
  const ruleText = RULE.exec(rest ?? '')?.[1] ?? null;
  const word =
    said !== undefined && said !== ''
      ? verdictWord(said, target)
      : returnTarget !== undefined && returnTarget !== ''
        ? `return ${returnTarget}`
        : null;
  const place = { table: table ?? null, chain: chain ?? null, handle: handle === undefined ? null : Number(handle) };
  return stepOf(traceId, family, ruleKind, place, ruleText, word, null);
}

function openReader(emit: Emit): FormReader {
  return {
    line(text, line): LineOutcome {
      if (text.trim() === '') return TAKEN;
      const { at, atUs } = readLineStart(text);
      const rest = text.slice(at);
      // Changes of the ruleset: who made them and when is in the ruleset's own evidence.
      if (EVENT.test(rest)) return TAKEN;
      const head = HEAD.exec(`${rest} `);
      if (head === null) return /^(PACKET|TRACE): \d/.test(rest) ? { is: 'unread', reason: 'no trace id', at } : OTHER;
      const traceId = head[3]!;
      const family = FAMILIES[head[2]!] ?? head[2]!;
      const words = rest.slice(head[0].length);
      if (head[1] === 'PACKET') {
        const step = stepOf(traceId, family, 'packet', NOWHERE, null, null, readXtablesPacket(words));
        emit({ kind: 'trace-step', line, step, atUs });
        return TAKEN;
      }
      const step = readStep(words, traceId, family);
      if (step === null) return { is: 'unread', reason: 'neither rule, policy nor return', at: at + head[0].length };
      emit({ kind: 'trace-step', line, step, atUs });
      return TAKEN;
    },
    end() {},
  };
}

export const xtablesTraceForm: Form = {
  id: 'xtables-monitor',
  title: 'xtables-monitor --trace and --event',
  recognise(line) {
    const text = line.slice(readLineStart(line).at);
    if (HEAD.test(`${text} `)) return 100;
    if (/^EVENT: (?:# )?nft: |^EVENT: (?:-[460] |(?:ip6?|eb|arp)tables )-t |^NEWGEN: GENID=/.test(text)) return 95;
    return 0;
  },
  open: (emit) => openReader(emit),
};
