// Where does the packet dump begin in a message? A LOG prefix may hold anything, '=' included, and needs no blank in front of IN=.

/** Words that follow IN=… or OUT=… in a dump (net/netfilter/nf_log_syslog.c: nf_log_dump_packet_common(), v6.18). */
const FOLLOWERS = [
  'OUT=',
  'MAC',
  'SRC=',
  'PHYS',
  'TUNNEL=',
  'VPROTO=',
  'ARP ',
  'DST=',
  'PROTO=',
  'LEN=',
  'SEQ=',
  'TRUNCATED',
];

/** Characters of a device's name, and what may be glued behind it, that are looked at: hostile lines must not cost more. */
const LONGEST_NAME = 64;

function isBlankAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 32 || code === 9 || code === 10;
}

/** Whether what stands at `at`, or its beginning up to the end of the text, is a word that follows an interface. */
function isFollower(text: string, at: number): boolean {
  for (const word of FOLLOWERS) {
    if (text.startsWith(word, at)) return true;
    if (text.length - at < word.length && word.startsWith(text.slice(at))) return true;
  }
  // Lines shortened by hand: 'IN=.. SEQ=1'.
  return text.startsWith('..', at);
}

/** Whether IN= or OUT= at `at`, whose value begins at `valueAt`, opens a dump and is no part of a prefix. */
function opensDump(text: string, at: number, valueAt: number): boolean {
  let here = valueAt;
  const limit = Math.min(text.length, valueAt + LONGEST_NAME);
  while (here < limit && !isBlankAt(text, here)) here++;
  const valueEnd = here;
  while (isBlankAt(text, here)) here++;
  if (here >= text.length) {
    // The line ends here: only a word of its own is taken for a cut dump.
    return at === 0 || isBlankAt(text, at - 1) || text.charAt(at - 1) === ':' || text.charAt(at - 1) === ']';
  }
  if (isFollower(text, here)) return true;
  // 'IN=eth0OUT=…': its blank was lost.
  return text.slice(valueAt, valueEnd).includes('OUT=');
}

function find(text: string, word: 'IN=' | 'OUT=', from: number): number {
  let at = text.indexOf(word, from);
  while (at >= 0) {
    const isPhysical = text.charCodeAt(at - 1) === 83 && text.startsWith('PHYS', at - 4);
    if (!isPhysical && opensDump(text, at, at + word.length)) return at;
    at = text.indexOf(word, at + word.length);
  }
  return -1;
}

/** The offset of the dump's IN= (of OUT= where a writer leaves an empty IN= away), or -1. */
export function findDump(text: string, from: number): number {
  const inAt = find(text, 'IN=', from);
  return inAt >= 0 ? inAt : find(text, 'OUT=', from);
}

/** The offset of 'SRC=… DST=' in a line shortened by its sender, or -1. */
export function findShortenedDump(text: string, from: number): number {
  let at = text.indexOf('SRC=', from);
  while (at >= 0) {
    const isWord = at === 0 || isBlankAt(text, at - 1);
    const destination = text.indexOf(' DST=', at);
    if (destination < 0) return -1;
    // An address has dots or colons, a hidden one X or angle brackets; 'SRC=0x1000' is a register.
    if (isWord && destination - at < 80 && /[.:X<]/.test(text.slice(at + 4, destination))) return at;
    at = text.indexOf('SRC=', at + 4);
  }
  return -1;
}

/** The offset of the first field or ellipsis behind `from`: for messages whose dump lost its head to an editor. Or -1. */
export function findAnyField(text: string, from: number): number {
  const match = / (?=\.\.|…|(?:SRC|DST|LEN|TOS|TTL|ID|PROTO|SPT|DPT|SEQ|ACK|WINDOW)=)/.exec(text.slice(from));
  return match === null ? -1 : from + match.index + 1;
}
