// A shell command as it has to be typed to act in another network namespace: what looks at or changes the network is entered there, the rest
// (filters behind a pipe, the kernel log, settings of the whole machine) stays as it is.

/** Programs whose answer or effect is that of the network namespace they run in. */
const OF_NETNS =
  /^(?:ip6?tables(?:-legacy|-nft)?(?:-save|-restore)?|nft|conntrack|sysctl|ss|netstat|nstat|ip|bridge|tc|tcpdump|ethtool|ping|arping)$/;
/** Files that show the namespace of who opens them. */
const OF_NETNS_FILE = /\/proc\/(?:net|sys\/net)\//;
/**
 * Settings that only the first namespace may write, for all (net/netfilter/nf_conntrack_standalone.c: nf_conntrack_standalone_init_sysctl(),
 * v6.1: 0444 elsewhere).
 */
const OF_MACHINE = /\bsysctl -w net\.netfilter\.nf_conntrack_(?:max|buckets|expect_max)=/;

/** What is typed in front. @param label name, path or process id of the namespace */
export function netnsPrefix(label: string): string {
  if (/^\d+$/.test(label)) return `nsenter --net=/proc/${label}/ns/net --`;
  const word = /^[\w.,:/@%+=-]+$/.test(label) ? label : `'${label.replaceAll("'", "'\\''")}'`;
  return label.startsWith('/') ? `nsenter --net=${word} --` : `ip netns exec ${word}`;
}

/** Simple commands with what joins them to the next: `;`, `|`, `&&`, `||`, with blanks; quotes hide them. */
function partsOf(command: string): readonly string[] {
  return command.match(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|\$\([^)]*\)|[^;|&'"\\])+|[;|&]+\s*|['"\\]/g) ?? [];
}

function isOfNetns(command: string): boolean {
  const words = command.trim().split(/\s+/);
  const program = words[0]?.split('/').at(-1) ?? '';
  if (program === 'ip' && words[1] === 'netns') return false;
  return OF_NETNS_FILE.test(command) || (OF_NETNS.test(program) && !OF_MACHINE.test(command));
}

/**
 * The command, with each part of it that the namespace matters to entered there.
 * @param label NULL: the namespace the person is in
 */
export function inNetns(label: string | null, command: string): string {
  if (label === null || command.includes('ip netns exec ') || command.includes('nsenter --net=')) return command;
  const remarkAt = /(?:^|\s)#\s/.exec(command)?.index ?? command.length;
  const [doing, remark] = [command.slice(0, remarkAt), command.slice(remarkAt)];
  const prefix = netnsPrefix(label);
  const entered = (text: string) => {
    const blanks = /^\s*/.exec(text)![0];
    return isOfNetns(text) ? `${blanks}${prefix} ${text.slice(blanks.length)}` : text;
  };
  const then = /^(\s*#\s.*?\bthen:? )(.*)$/s.exec(remark);
  const told = then === null ? remark : `${then[1]}${partsOf(then[2]!).map(entered).join('')}`;
  return `${partsOf(doing).map(entered).join('')}${told}`;
}
