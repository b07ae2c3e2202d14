// Which part of a snapshot a command prints, and what its options leave out: for files that are empty, failed or filtered.

interface CommandPart {
  readonly part: string;
  readonly command: RegExp;
}

const PARTS: readonly CommandPart[] = [
  { part: 'expectations', command: /^conntrack\b(?=.*(-L|--dump)\b)(?=.*\bexpect\b)/ },
  { part: 'list:unconfirmed', command: /^conntrack\b(?=.*(-L|--dump)\b)(?=.*\bunconfirmed\b)/ },
  { part: 'list:dying', command: /^conntrack\b(?=.*(-L|--dump)\b)(?=.*\bdying\b)/ },
  { part: 'list:main', command: /^conntrack\b.*(-L|--dump)\b|^cat \/proc\/net\/(nf|ip)_conntrack$/ },
  { part: 'stats', command: /^conntrack\b.*(-S|--stats)\b|^cat \/proc\/net\/stat\/nf_conntrack$/ },
  { part: 'count', command: /^conntrack\b.*(-C|--count)\b/ },
  { part: 'sockets', command: /^(ss|netstat)\b/ },
  { part: 'sysctl', command: /^sysctl\b/ },
  { part: 'counters', command: /^nstat\b|^cat \/proc\/net\/(snmp|netstat)$/ },
  { part: 'rules:ip6:legacy', command: /^ip6tables-legacy-save\b/ },
  { part: 'rules:ip:legacy', command: /^iptables-legacy-save\b/ },
  { part: 'rules:ip6:unknown', command: /^ip6tables(-nft)?(-save|\b.*-[LS]\b)/ },
  { part: 'rules:ip:unknown', command: /^iptables(-nft)?(-save|\b.*-[LS]\b)/ },
  { part: 'rules:mixed:nft', command: /^nft\b.*\blist\b/ },
  { part: 'sets', command: /^ipset\b/ },
  { part: 'addresses', command: /^ip\b.*\b(a|addr|address)\b/ },
  { part: 'links', command: /^ip\b.*\b(l|link)\b/ },
  { part: 'routing-rules', command: /^ip\b.*\b(ru|rule)\b/ },
  { part: 'routes', command: /^ip\b.*\b(r|ro|route)\b/ },
  { part: 'neighbours', command: /^ip\b.*\b(n|neigh)\b/ },
  { part: 'offload', command: /^ethtool\b.*-k\b/ },
];

/** The part a command prints; NULL when it prints none. */
export function partOfCommand(command: string): string | null {
  return PARTS.find((candidate) => candidate.command.test(command))?.part ?? null;
}

/** Whether the output of a command may rightly be empty: no entries, no sockets. */
export function mayBeEmpty(part: string): boolean {
  return /^(list:|expectations$|sockets$|sets$|neighbours$|routing-rules$)/.test(part);
}

/** Options of conntrack that leave entries or events out. */
const CONNTRACK_FILTERS =
  /\s(?:-[psdnjgrqmuliw]|--(?:proto|src|dst|orig-\S+|reply-\S+|sport|dport|state|mark|zone|status|src-nat|dst-nat|any-nat|label))[\s=]\S+/g;
/** Of its events only: some kinds, one family. */
const EVENT_FILTERS = /\s(?:-[ef]|--(?:event-mask|family))[\s=]\S+/g;
const SS_FILTERS = /\b(?:state\s+\S+|exclude\s+\S+|dport\b.*|sport\b.*|dst\s.*|src\s.*)/;

/** What the options of a command, and a filter behind it, leave out, for people; NULL when it shows everything. */
export function filterOfCommand(command: string): string | null {
  const pipe = command.indexOf('|');
  const own = (pipe < 0 ? command : command.slice(0, pipe)).trimEnd();
  const reasons: string[] = [];
  if (/^conntrack\b/.test(own)) {
    const isEvents = /\s(?:-E|--event)\b/.test(own);
    const filters = [...(own.match(CONNTRACK_FILTERS) ?? []), ...(isEvents ? (own.match(EVENT_FILTERS) ?? []) : [])];
    if (filters.length > 0) reasons.push(`only${filters.join('')}`);
  } else if (/^ss\b/.test(own)) {
    const filter = SS_FILTERS.exec(own);
    if (filter !== null) reasons.push(`only ${filter[0].trim()}`);
  }
  const piped = /\|\s*((?:e?grep|head|tail|awk|sed)\b.*)/.exec(command);
  if (piped !== null) reasons.push(`only what '${piped[1]!.trim()}' let pass`);
  return reasons.length === 0 ? null : reasons.join('; ');
}
