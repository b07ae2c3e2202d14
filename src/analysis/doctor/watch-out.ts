// What would mislead somebody who reads this host's evidence, or is left over from earlier: each a sentence, with what to type where something
// can be done.

import type { WatchOut } from '../../model/diagnosis.js';
import type { HostFacts } from '../../model/host-setup.js';
import type { Asked } from './question.js';
import { ways } from './questions/coverage.js';
import { backendsWithRules, foreignTraceRules, ruleName, userRules } from './rule-facts.js';

/** LOG and TRACE print with this priority unless told, log_invalid with 5. */
const LOG_LEVEL = 4;
const STEP_WORTH_TELLING_US = 2_000_000;
const NEARLY_FULL = 0.9;
const MOST_NAMED = 3;

const andMore = (count: number) => (count > MOST_NAMED ? ` and ${count - MOST_NAMED} more` : '');

type Watch = (asked: Asked) => readonly WatchOut[];

const one = (id: string, says: string, command: string | null = null): readonly WatchOut[] => [{ id, says, command }];

/** Loudest first: what is ours and should be gone, then what prints or loses, then how to read what is there. */
const WATCHES: readonly Watch[] = [
  ({ facts: { own } }) =>
    (own?.changes ?? [])
      .filter(({ isLate, standing }) => isLate && standing !== 'GONE')
      .map(({ id, what }) => ({
        id: 'overdue-change',
        says: `${id} should have ended and is still on: ${what}`,
        command: `sudo ctwhy undo ${id}`,
      })),
  ({ facts: { own } }) =>
    (own?.changes ?? [])
      .filter(({ isOrphan, standing }) => isOrphan && standing !== 'GONE')
      .map(({ id, what }) => ({
        id: 'orphaned-change',
        says: `${id} will not end by itself, what should end it is gone: ${what}`,
        command: `sudo ctwhy undo ${id}`,
      })),
  ({ facts: { own } }) =>
    (own?.changes ?? [])
      .filter(({ standing }) => standing === 'CHANGED')
      .map(({ id, what }) => ({
        id: 'changed-since',
        says: `${id} was changed by somebody else since: ${what}`,
        command: `ctwhy changes show ${id}`,
      })),
  ({ facts: { own } }) => {
    const strays = own?.strays ?? [];
    if (strays.length === 0) return [];
    const more = strays.length > 3 ? ` and ${strays.length - 3} more` : '';
    const named = strays.slice(0, 3).map(({ what }) => what);
    return one(
      'strays',
      `rules of ctwhy that no journal knows: ${named.join('; ')}${more}`,
      'sudo ctwhy undo --strays',
    );
  },
  ({ facts: { own } }) =>
    (own?.savedIn ?? []).map((path) => ({
      id: 'saved',
      says: `${path} holds rules of ctwhy, saved while they were in: the next boot brings them back`,
      command: `grep -n ctwhy ${path}`,
    })),
  ({ facts }) => {
    const rules = foreignTraceRules(facts);
    if (rules.length === 0) return [];
    const named = rules.slice(0, MOST_NAMED).map((rule) => `${ruleName(rule)} (${rule.text})`);
    return one(
      'foreign-trace',
      `TRACE is on by somebody else: ${named.join('; ')}${andMore(rules.length)}. Each rule that its packets meet is told`,
    );
  },
  ({ facts: { debug } }) =>
    (debug?.printing ?? 0) > 0
      ? one('debug-on', `${debug!.printing} debug callsites of conntrack print now`, 'ctwhy dyndbg list')
      : [],
  nflogWithoutReader,
  ({ facts: { tracker } }) =>
    tracker.count !== null && tracker.max !== null && tracker.max > 0 && tracker.count > tracker.max * NEARLY_FULL
      ? one(
          'nearly-full',
          `the table is nearly full: ${tracker.count} of ${tracker.max}; unreplied entries are evicted`,
        )
      : [],
  slowConsole,
  ({ facts: { kernelLog, from } }) =>
    from === 'host' && kernelLog !== null && kernelLog.keptIn.length === 0
      ? one(
          'not-kept',
          `kernel lines are kept nowhere that is known${kernelLog.daemons.length > 0 ? ` (${kernelLog.daemons.join(', ')} run)` : ''}: the ring buffer alone has them, until it is full`,
        )
      : [],
  ({ facts: { kernelLog } }) =>
    kernelLog?.kernelRateLimit != null
      ? one('rsyslog-limit', `rsyslog takes no more kernel lines than ${kernelLog.kernelRateLimit}`)
      : [],
  ({ facts: { kernelLog, programs } }) =>
    kernelLog?.journalRateLimit != null &&
    kernelLog.journalRateLimit !== 'off' &&
    programs?.some(({ name }) => name === 'ulogd') === true
      ? one(
          'journal-limit',
          `journald drops lines of a service above ${kernelLog.journalRateLimit}: those of ulogd, not those of the kernel`,
        )
      : [],
  ({ facts: { kernelLog } }) =>
    kernelLog?.messageBurst != null && kernelLog.messageCostS !== null && kernelLog.messageCostS > 0
      ? one(
          'net-ratelimit',
          `"table full" lines are limited to ${kernelLog.messageBurst} in ${kernelLog.messageCostS} s: counts from the log are too low, counters are not`,
        )
      : [],
  bothBackends,
  ({ facts: { recorded } }) =>
    (recorded?.gaps ?? []).slice(0, MOST_NAMED).map(({ what, lost, why }) => ({
      id: 'lost-records',
      says: `${lost} records of the ${what} are missing${why === null ? '' : ` (${why})`}`,
      command: null,
    })),
  ({ facts }) => {
    const past = facts.tracker.isActive === false ? [] : ways(facts);
    return past.length === 0
      ? []
      : one('bypass', `packets pass conntrack by (${past.join('; ')}): that a packet is in no log says nothing there`);
  },
  ({ facts: { clockStepUs } }) =>
    clockStepUs !== null && Math.abs(clockStepUs) > STEP_WORTH_TELLING_US
      ? one(
          'clock-step',
          `the clock was set by ${(clockStepUs / 1e6).toFixed(1)} s since the boot: earlier wall times of the log are off by that`,
        )
      : [],
  ({ facts: { listeners } }) =>
    (listeners ?? [])
      .filter(({ drops }) => drops > 0)
      .map(({ process, port, drops }) => ({
        id: 'lost-events',
        says: `${process ?? `netlink port ${port}`} has lost ${drops} netlink messages (its buffer was full)`,
        command: null,
      })),
  ({ facts: { log, from } }) =>
    from === 'host' && log.isFirstNetns === false
      ? one('netns', 'this is not the first network namespace: lines of the kernel log do not name theirs')
      : [],
  ({ facts: { container } }) =>
    container === null
      ? []
      : one(
          'container',
          `this is a container (${container}): kernel log, modules and some settings belong to its host`,
        ),
  ({ facts: { isRoot, hasNetAdmin } }) =>
    isRoot && hasNetAdmin === false
      ? one('no-net-admin', 'root without CAP_NET_ADMIN: netfilter can be neither read nor changed from here')
      : [],
  ({ facts: { lockdown } }) =>
    lockdown === null || lockdown === 'none'
      ? []
      : one('lockdown', `kernel lockdown (${lockdown}): debugfs is closed, /proc/dynamic_debug/control is not`),
];

export function watchOut(asked: Asked): readonly WatchOut[] {
  return WATCHES.flatMap((watch) => watch(asked));
}

function slowConsole({ facts: { kernelLog } }: Asked): readonly WatchOut[] {
  const [name] = kernelLog?.slowConsoles ?? [];
  if (name === undefined || kernelLog === null) return [];
  const level = kernelLog.consoleLevel;
  if (level === null) return one('slow-console', `console ${name} is slow, and the console log level is not known`);
  return level <= LOG_LEVEL
    ? one(
        'slow-console',
        `console ${name} is slow: LOG level 4 stays off it as long as the console log level is ${level}`,
      )
    : one(
        'slow-console',
        `console ${name} is slow and prints LOG lines (console log level ${level}): each line holds the kernel up`,
        `dmesg -n ${LOG_LEVEL}`,
      );
}

/** Rules that send packets to a group which no program reads. */
function nflogWithoutReader({ facts }: Asked): readonly WatchOut[] {
  if (facts.nflog === null) return [];
  const groups = (userRules(facts) ?? []).flatMap(({ text }) => {
    const group = /--nflog-group (\d+)/.exec(text)?.[1] ?? /\blog\b.*\bgroup (\d+)/.exec(text)?.[1];
    return group !== undefined ? [Number(group)] : /-j NFLOG\b/.test(text) ? [0] : [];
  });
  const unread = [...new Set(groups)].filter((group) => !facts.nflog!.some((user) => user.group === group));
  return unread.length === 0
    ? []
    : one('nflog-unread', `rules log to NFLOG group ${unread.join(', ')}, which no program reads`);
}

/** Where a trace would appear depends on who holds the rules. */
function bothBackends({ facts }: Asked): readonly WatchOut[] {
  const backends = backendsWithRules(facts);
  if (backends.size === 2)
    return one(
      'both-backends',
      'legacy and nft rules at once: a traced packet is told in the kernel log (legacy rules) and over netlink (nft rules)',
    );
  return shownByIptables(facts, backends);
}

/** `iptables -L` shows one of two worlds. */
function shownByIptables({ programs }: HostFacts, backends: ReadonlySet<'legacy' | 'nft'>): readonly WatchOut[] {
  const version = programs?.find(({ name }) => name === 'iptables')?.version ?? '';
  return backends.has('legacy') && version.includes('nf_tables')
    ? one(
        'other-iptables',
        'iptables shows nf_tables here; the rules are in legacy tables: iptables-legacy-save shows them',
      )
    : [];
}
