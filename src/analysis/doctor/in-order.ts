// What was looked at and is as it should be: a few words each, so that nobody has to look again.

import type { HostFacts } from '../../model/host-setup.js';
import { logReach } from './log-reach.js';
import { backendsWithRules, foreignTraceRules } from './rule-facts.js';

export function inOrder(facts: HostFacts): readonly string[] {
  const { log, kernelLog, own, listeners } = facts;
  const reach = logReach(facts);
  const said: (string | null)[] = [
    reach.is === 'kernel log' && reach.families.length === 2
      ? `logger for IPv4 and IPv6${log.module === null ? '' : ` (${log.module.name}, ${log.module.state})`}`
      : null,
    log.isFirstNetns === true ? 'first namespace' : log.allNetns === true ? 'namespace logging' : null,
    kernelLog !== null && kernelLog.keptIn.length > 0
      ? `kernel lines are kept in ${kernelLog.keptIn.join(', ')}`
      : null,
    kernelLog !== null && kernelLog.slowConsoles.length === 0 ? 'no slow console' : null,
    facts.from === 'host' && facts.isRoot && facts.hasNetAdmin !== false ? 'rights' : null,
    rules(facts),
    facts.rulesets !== null && foreignTraceRules(facts).length === 0 ? 'no forgotten TRACE' : null,
    facts.debug?.callsites != null && facts.debug.printing === 0
      ? `dynamic debug: ${facts.debug.callsites} callsites of conntrack, none prints`
      : null,
    facts.clockStepUs !== null && Math.abs(facts.clockStepUs) <= 2_000_000 ? 'clock' : null,
    own !== null && own.changes.length === 0 && own.strays.length === 0 && own.savedIn.length === 0
      ? 'nothing of ctwhy is on'
      : null,
    own !== null &&
    own.changes.length > 0 &&
    own.changes.every(({ standing, isLate, isOrphan }) => standing === 'on' && !isLate && !isOrphan)
      ? `changes of ctwhy as they should be: ${own.changes.map(({ id }) => id).join(', ')}`
      : null,
    facts.nflog !== null && facts.nflog.length > 0
      ? `NFLOG read by ${facts.nflog.map(({ group, process, port }) => `${process ?? `port ${port}`} (group ${group})`).join(', ')}`
      : null,
    listeners !== null && listeners.length > 0 && listeners.every(({ drops }) => drops === 0)
      ? 'no netlink listener lost anything'
      : null,
  ];
  return said.filter((words) => words !== null);
}

function rules(facts: HostFacts): string | null {
  if (facts.rulesets === null) return null;
  const backends = [...backendsWithRules(facts)];
  if (backends.length > 1) return null;
  const [only] = backends;
  if (only === undefined)
    return facts.rulesets.some(({ chains }) => chains.some((chain) => chain.rules.some(({ isOurs }) => !isOurs)))
      ? null
      : 'rules: none';
  const tables = facts.rulesets.flatMap(({ chains }) =>
    chains.filter(({ rules: all }) => all.some(({ isOurs }) => !isOurs)).map(({ table }) => table),
  );
  const told = only === 'legacy' ? 'a trace goes to the kernel log' : 'a trace goes over netlink';
  return `rules: ${only} ${[...new Set(tables)].join(', ')} only (${told})`;
}
