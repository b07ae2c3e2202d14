// Lines that are not evidence themselves but tell which command printed what follows: '# conntrack -L', 'root@gw:~# ss -tan'.

/** Commands that print evidence. What changes a host (iptables -A …) is a form of its own and no hint. */
const LISTING: readonly RegExp[] = [
  /^conntrack\s+(-[LESCGW]|--(dump|event|stats|count|get)|-f\s|-o\s|expect|.*-[LESCG]\b)/,
  /^ip6?tables(-legacy|-nft)?\s+.*(-[A-Za-z0-9]*[LS]\b|--list|--list-rules)/,
  /^ip6?tables(-legacy|-nft)?-save\b/,
  /^nft\s+(-\S+\s+)*(list|monitor)\b/,
  /^xtables-monitor\b/,
  /^ipset\s+(-o\s+\S+\s+)?(list|save|-L|-S)\b/,
  /^(ss|netstat|nstat|lsmod|dmesg|uptime|hostname|hostnamectl|ifconfig)(\s|;|$)/,
  /^sysctl\s+(-[anN]|--all|[a-z]+\.)/,
  /^ip\s+(-\S+\s+)*(a|addr|address|r|ro|route|ru|rule|l|link|n|neigh|monitor|netns)\b/,
  /^(bridge|tc)\s+/,
  /^journalctl(\s|;|$)/,
  /^ethtool\s+-/,
  /^tcpdump(\s|;|$)/,
  /^uname(\s|;|$)/,
  /^date(\s|;|$)/,
  /^(cat|zcat|head|tail|less|more|grep|egrep|zgrep|wc|watch)\s/,
  /^ovs-(appctl|dpctl|ofctl)\s/,
];

/** 'root@gw:~#', '[root@gw ~]#', '$', '#', 'gw#': what stands before a command that somebody pasted. */
const PROMPT =
  /^\s{0,4}(?:\[[^\]\s]+@[^\]]*\]\s?|[\w.-]+@[\w.-]+(?:[: ][^#$%>]*)?|[\w.-]{1,40}:[^#$%>\s]*|\([\w.-]+\)\s?)?[#$%>]\s*(.+?)\s*$/;
/** A man page's way: the host's name and a bare '#': 'gw# conntrack -L'. */
const NAMED_PROMPT = /^[\w.-]{1,40}[#$]\s+(.+?)\s*$/;
const PREFIX =
  /^(?:sudo\s+(?:-\S+\s+)*|doas\s+|time\s+|timeout\s+\S+\s+|ip\s+netns\s+exec\s+\S+\s+|nsenter\s+(?:-\S+\s+)*(?:--\s+)?|(?:\/usr)?(?:\/local)?\/s?bin\/|(?:[A-Z_]+=\S*\s+)+)/;

export interface CommandLine {
  /** Without prompt, sudo, path and namespace: 'conntrack -L -o id'. */
  readonly command: string;
  /** Network namespace the command entered, by name; NULL when it entered none. */
  readonly netns: string | null;
}

/**
 * The command a line shows to have been typed; NULL for every other line.
 * A prompt is needed unless the line is plainly a listing command of one of the netfilter tools.
 */
export function commandLine(line: string): CommandLine | null {
  if (line.length > 500) return null;
  const prompted = (PROMPT.exec(line) ?? NAMED_PROMPT.exec(line))?.[1];
  if (prompted !== undefined) return asCommand(prompted);
  const bare = asCommand(line.trim());
  return bare !== null && /^(conntrack|ip6?tables|nft|xtables-monitor)\b/.test(bare.command) && !/\bv\d/.test(line)
    ? bare
    : null;
}

function asCommand(text: string): CommandLine | null {
  const typed = withoutPrefix(text);
  return LISTING.some((listing) => listing.test(typed.command)) ? typed : null;
}

/** A command as typed, without sudo, path and namespace, whatever it is. */
export function withoutPrefix(text: string): CommandLine {
  let command = text;
  let netns: string | null = null;
  for (;;) {
    const prefix = PREFIX.exec(command)?.[0];
    if (prefix === undefined) break;
    netns = /^ip\s+netns\s+exec\s+(\S+)/.exec(prefix)?.[1] ?? netns;
    command = command.slice(prefix.length);
  }
  return { command, netns };
}
