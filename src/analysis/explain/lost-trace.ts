// Where a traced packet was lost: its trace ends at the end of a hook that let it pass, and it is not seen again.

import type { PathStep } from '../../store/case-reader.js';
import type { HostContext, SeenPacket } from './case.js';

const TRACES = ['trace', 'nft-trace', 'xtables-trace'];
const HOOKS = ['INGRESS', 'PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];
/** Priorities of the tables of iptables (include/uapi/linux/netfilter_ipv4.h: enum nf_ip_hook_priorities). */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, nat: -100, filter: 0, security: 50 };

export interface LostTrace {
  readonly hook: 'PREROUTING' | 'POSTROUTING';
  /** The last line of the trace, as a place in the packet's steps. */
  readonly step: number;
  /** true: the verdict there is on record; false: the end of a chain whose policy no ruleset tells. */
  readonly isAccepted: boolean;
  /** It was traced behind conntrack's own place, so conntrack did not drop it. */
  readonly isBehindConntrack: boolean;
}

function hookOf(step: PathStep, { rules }: HostContext): string | null {
  const name = (step.chain ?? '').toUpperCase();
  return rules.chainAt(step)?.hook ?? (HOOKS.includes(name) ? name : null);
}

function priorityOf(step: PathStep, { rules }: HostContext): number | null {
  return rules.chainAt(step)?.priority ?? PRIORITIES[step.table ?? ''] ?? null;
}

/** ACCEPT, DROP …; NULL where nothing tells. */
function verdictOf(step: PathStep, { rules }: HostContext): string | null {
  const hit = rules.atStep(step);
  const verdict = step.verdict ?? (hit?.isPolicy === true ? hit.chain.policy : (hit?.rule.verdict ?? null));
  return verdict?.toUpperCase() ?? null;
}

/** NULL: not traced, ended by a rule, or seen to the end of its way. */
export function lostTrace(packet: SeenPacket, host: HostContext): LostTrace | null {
  const isTold = (step: PathStep) => TRACES.includes(step.kind) && step.ruleKind !== 'packet';
  const at = packet.steps.findLastIndex((step) => isTold(step) && step.ruleKind !== 'conntrack');
  const last = packet.steps[at];
  if (last === undefined) return null;
  const verdict = verdictOf(last, host);
  if (verdict !== null && verdict !== 'ACCEPT' && verdict !== 'NAT') return null;
  // The end of the last base chain, or a rule that accepted there; anything else is a trace that breaks off.
  if (verdict === null && last.ruleKind !== 'policy') return null;
  const hook = hookOf(last, host);
  if (hook !== 'PREROUTING' && hook !== 'POSTROUTING') return null;
  const isSeenLater = packet.steps.some(
    (step) => hook === 'PREROUTING' && ['INPUT', 'FORWARD', 'POSTROUTING'].includes(hookOf(step, host) ?? ''),
  );
  const isForwarded = packet.steps.some((step) => (step.inIf ?? '') !== '' && (step.outIf ?? '') !== '');
  if (isSeenLater || (hook === 'PREROUTING' && isForwarded)) return null;
  return {
    hook,
    step: at,
    isAccepted: verdict !== null,
    isBehindConntrack: packet.steps.some(
      (step) => isTold(step) && hookOf(step, host) === 'PREROUTING' && (priorityOf(step, host) ?? -1000) > -200,
    ),
  };
}
