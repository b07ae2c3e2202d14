// The way of a packet that was traced: what each line says, rules named by their text, translated addresses, and the gap where it was lost.

import type { JourneyRow } from '../../model/journey.js';
import type { PathStep } from '../../store/case-reader.js';
import { endWords } from '../causes/words.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { isOwnTable } from '../ruleset/ours.js';

/** Hooks by the built-in chain of that name (include/uapi/linux/netfilter.h: nf_inet_hooks). */
const HOOKS: Readonly<Record<string, string>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};

const TRACES = ['trace', 'nft-trace', 'xtables-trace'];

function hookOf(subject: Case, step: PathStep): string | null {
  const named = HOOKS[step.chain ?? ''];
  if (named !== undefined) return named;
  return subject.host.rules.chainAt(step)?.hook?.toLowerCase() ?? null;
}

function placeOf(subject: Case, step: PathStep): string {
  const hit = subject.host.rules.atStep(step);
  const family = step.family === null || step.family === 'ip' ? '' : `${step.family} `;
  const number =
    step.ruleKind === 'policy'
      ? 'policy'
      : step.ruleKind === 'return'
        ? 'end'
        : hit !== null
          ? String(hit.rule.userNumber)
          : step.ruleNumber !== null
            ? String(step.ruleNumber)
            : step.handle !== null
              ? `handle ${step.handle}`
              : '';
  return `${family}${step.table ?? ''} ${step.chain ?? ''} ${number}`.trim();
}

function resultOf(subject: Case, step: PathStep): string {
  const hit = subject.host.rules.atStep(step);
  const verdict =
    step.verdict ??
    (hit === null
      ? null
      : (hit.rule.verdict ??
        (hit.rule.jump === null ? 'goes on' : `${hit.rule.isGoto ? 'goto' : 'jump'} ${hit.rule.jump}`)));
  if (step.ruleKind === 'return') return 'returns';
  if (step.ruleKind === 'policy') return (step.verdict ?? hit?.chain.policy ?? 'policy').toUpperCase();
  if (verdict === null) return 'matched';
  return /^(accept|drop|reject|return|queue)$/i.test(verdict)
    ? verdict.toUpperCase()
    : verdict === 'continue'
      ? 'goes on'
      : verdict;
}

/** 'destination 192.0.2.1:80 becomes 198.51.100.7:8080'. */
function translation(packet: SeenPacket, from: number, to: number): string | null {
  const [a, b] = [packet.tuples[from], packet.tuples[to]];
  if (a === undefined || b === undefined) return null;
  const parts = [
    a.src !== b.src || a.sport !== b.sport
      ? `source ${endWords(a.src, a.sport)} becomes ${endWords(b.src, b.sport)}`
      : null,
    a.dst !== b.dst || a.dport !== b.dport
      ? `destination ${endWords(a.dst, a.dport)} becomes ${endWords(b.dst, b.dport)}`
      : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(', ');
}

/** Rows for every line of a packet, in order. */
export function tracedRows(subject: Case, packet: SeenPacket): readonly JourneyRow[] {
  const rows: JourneyRow[] = [];
  let hook = '';
  let slot = packet.steps[0]?.slot ?? 0;
  const add = (row: Omit<JourneyRow, 'hook'>, at: string | null) => {
    const isSame = at === null || at === hook;
    if (at !== null) hook = at;
    rows.push({ ...row, hook: isSame ? '' : hook });
  };
  const isOurs = (step: PathStep) =>
    TRACES.includes(step.kind) && (isOwnTable(step.table) || subject.host.rules.atStep(step)?.rule.isOurs === true);
  const lastTraced = packet.steps.findLastIndex((step) => TRACES.includes(step.kind) && !isOurs(step));
  packet.steps.forEach((step, index) => {
    const cited = subject.cite.packet(packet.row, packet.steps, index);
    if (step.slot !== slot) {
      const words = translation(packet, slot, step.slot);
      slot = step.slot;
      if (words !== null)
        add({ place: `address translation: ${words}`, result: '', how: '', detail: [], kind: 'step', raw: [] }, null);
    }
    const isRouted = step.ttlLost > (packet.steps[index - 1]?.ttlLost ?? step.ttlLost);
    if (isRouted)
      add(
        {
          place: `forwarded to ${step.outIf ?? '?'}`,
          result: '',
          how: `OUT= in ${cited.source}`,
          detail: [],
          kind: 'step',
          raw: [],
        },
        'routing',
      );
    if (step.kind === 'log-invalid' || step.kind === 'helper') {
      add(
        {
          place: `${packet.state ?? 'checked'}: "${(step.message ?? '').trim()}"`,
          result: '',
          how: cited.source,
          detail: [],
          kind: 'step',
          raw: [cited.text],
        },
        'conntrack',
      );
      return;
    }
    if (step.kind === 'log' || step.kind === 'nflog') {
      const rules = subject.host.rules.logging(step.prefix ?? '');
      const rule = rules.length === 1 ? rules[0]!.hit : null;
      add(
        {
          place:
            rule === null
              ? `a rule that logs "${(step.prefix ?? '').trim()}"`
              : `${rule.rule.table} ${rule.rule.chain} ${rule.rule.userNumber}`,
          result: 'goes on',
          how: cited.source,
          detail: rule === null ? [] : [rule.rule.text],
          kind: 'step',
          raw: [cited.text],
        },
        rule === null ? null : (HOOKS[rule.chain.hook ?? ''] ?? null),
      );
      return;
    }
    if (!TRACES.includes(step.kind) || step.ruleKind === 'packet') return;
    if (step.ruleKind === 'conntrack') {
      add(
        {
          place: step.ruleText ?? 'conntrack',
          result: '',
          how: cited.source,
          detail: [],
          kind: 'step',
          raw: [cited.text],
        },
        'conntrack',
      );
      return;
    }
    if (isOurs(step)) {
      // What we asked the kernel with; -v shows it.
      const place = `${placeOf(subject, step)} (ctwhy's own)`;
      add({ place, result: '', how: cited.source, detail: [], kind: 'quiet', raw: [cited.text] }, null);
      return;
    }
    const hit = subject.host.rules.atStep(step);
    const text = step.ruleText ?? (hit === null || step.ruleKind !== 'rule' ? null : hit.rule.text);
    const isEnd = index === lastTraced;
    // Ends of chains that let the packet go on tell little; -v shows them.
    const isQuiet =
      !isEnd && (step.ruleKind === 'return' || (step.ruleKind === 'policy' && resultOf(subject, step) === 'ACCEPT'));
    add(
      {
        place: placeOf(subject, step),
        result: resultOf(subject, step),
        how: cited.source,
        detail: step.ruleKind === 'rule' && text !== null ? [text] : [],
        kind: isEnd ? 'end' : isQuiet ? 'quiet' : 'step',
        raw: [cited.text],
      },
      hookOf(subject, step),
    );
  });
  return rows;
}
