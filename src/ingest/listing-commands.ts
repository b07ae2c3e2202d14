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

/** What the options of a listing leave out, for people; NULL when it lists everything. */
export function filterOfCommand(command: string): string | null {
  if (/^conntrack\b/.test(command)) {
    const filters = command.match(
      /\s(-[psdnjgrqmuliw]|--(proto|src|dst|orig-\S+|reply-\S+|sport|dport|state|mark|zone|status|src-nat|dst-nat|any-nat|label))[\s=]\S+/g,
    );
    return filters === null ? null : `only${filters.join('')}`;
  }
  if (/^ss\b/.test(command)) {
    const filter = /\b(state\s+\S+|exclude\s+\S+|dport\b.*|sport\b.*|dst\s.*|src\s.*)/.exec(command);
    return filter === null ? null : `only ${filter[0].trim()}`;
  }
  const piped = /\|\s*(e?grep|head|tail)\b.*/.exec(command);
  return piped === null ? null : `only what '${piped[0].slice(1).trim()}' let pass`;
}
