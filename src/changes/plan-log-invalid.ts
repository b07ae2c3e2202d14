// What has to be set so that conntrack says why it refuses a packet, and somebody can read it.

import type { LoggingFacts } from '../survey/logging.js';
import { UnsupportedError } from '../text/errors.js';
import { protocolName } from '../text/protocols.js';
import { type Plan, type PlanContext, planSysctl } from './plan.js';
import { type LoadableLogger, planKernelLog } from './plan-kernel-log.js';

const LOG_INVALID = {
  name: 'net.netfilter.nf_conntrack_log_invalid',
  path: '/proc/sys/net/netfilter/nf_conntrack_log_invalid',
  inFirstNetns: false,
};
const ALL = 255;
const ICMP = 1;
const ICMPV6 = 58;

export interface LogInvalidWish {
  /** IP protocol numbers; NULL: all. ICMPv6 is 58 (the documentation's 41 logs nothing). */
  readonly protos: readonly number[] | null;
  readonly family: 4 | 6 | null;
  readonly forMs: number | null;
}

/**
 * The value that shows what is wanted and what is shown already: one number holds one protocol or all of them.
 * net/netfilter/nf_conntrack_proto.c: nf_ct_l4proto_log_invalid() compares with the packet's protocol or 255, v2.6.32 .. v6.18.
 */
export function logInvalidValue(before: number, protos: readonly number[] | null): number {
  const wanted = new Set([...(protos ?? [ALL]), ...(before === 0 ? [] : [before])]);
  return wanted.size === 1 ? [...wanted][0]! : ALL;
}

/**
 * Plans log_invalid with the loggers it needs.
 * @throws UnsupportedError when this kernel cannot show the lines
 */
export async function planLogInvalid(
  context: PlanContext,
  facts: LoggingFacts,
  wish: LogInvalidWish,
  loadableLogger: LoadableLogger,
): Promise<Plan> {
  if (facts.logInvalid === null)
    throw new UnsupportedError(
      'conntrack is not loaded here: there is no net.netfilter.nf_conntrack_log_invalid, and no packet is INVALID; modprobe nf_conntrack brings it',
    );
  const families = facts.loggers.map(({ family }) => family).filter((family) => isAsked(family, wish));
  const log = await planKernelLog(context, facts, families, loadableLogger);
  const [value] = await planSysctl(context, LOG_INVALID, (before) =>
    String(logInvalidValue(Number(before), wish.protos)),
  );
  const after = value?.after ?? String(facts.logInvalid);
  const what = value === undefined ? `log_invalid is ${after}` : `log_invalid ${value.before} -> ${after}`;
  return {
    kind: 'log-invalid',
    what,
    // Last: from the first line on it is seen.
    acts: () => [...log.acts, ...(value === undefined ? [] : [value])],
    forMs: wish.forMs,
    isStanding: false,
    stays: log.stays,
    ...(wish.protos !== null && Number(after) === ALL ? { marks: { onlyProtos: wish.protos } } : {}),
    warnings: wider(wish.protos, Number(after)),
    seeAt: log.seeAt,
  };
}

function isAsked(family: 4 | 6, { protos, family: only }: LogInvalidWish): boolean {
  if (only !== null && only !== family) return false;
  if (protos === null) return true;
  return protos.some((proto) => (proto === ICMP ? family === 4 : proto === ICMPV6 ? family === 6 : true));
}

function wider(protos: readonly number[] | null, after: number): readonly string[] {
  if (after !== ALL || protos === null) return [];
  const names = protos.map((proto) => protocolName(proto)).join(', ');
  return [
    `one number holds one protocol or all: it is 255, so lines of other protocols come too; ctwhy leaves all but ${names} out of its answers`,
  ];
}
