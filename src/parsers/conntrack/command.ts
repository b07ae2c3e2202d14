// Which of conntrack's outputs is this? Said by a command, by a file's name, or by a prompt with a command in front of the output.

import type { CtList } from '../../model/conntrack.js';
import type { FormContext } from '../form.js';

export type TrackerSubject =
  | 'list'
  | 'events'
  | 'expectations'
  | 'statistics'
  | 'count'
  | 'maximum'
  /** The lines of a listing, counted. */
  | 'lines'
  | 'proc'
  | 'save'
  | 'xml'
  | 'cache'
  | 'ovs';

export interface TrackerHint {
  readonly subject: TrackerSubject;
  readonly list: CtList;
  /** Whether `-o save` or `-o xml` carries events. */
  readonly isEvents: boolean;
  /** `-o userspace` was asked for. */
  readonly showsUserSpace: boolean;
}

const hint = (subject: TrackerSubject, more: Partial<TrackerHint> = {}): TrackerHint => ({
  subject,
  list: 'main',
  isEvents: false,
  showsUserSpace: false,
  ...more,
});

interface HintRule {
  readonly pattern: RegExp;
  readonly means: TrackerHint;
}

/** Files of /proc and programs that are named whole; first match decides. */
const NAMED: readonly HintRule[] = [
  { pattern: /nf_conntrack_count|ip_conntrack_count/, means: hint('count') },
  { pattern: /nf_conntrack_max|ip_conntrack_max/, means: hint('maximum') },
  // What a filter leaves of it is not how long the listing was.
  {
    pattern:
      /wc -l\s*<?\s*\S*(?:nf|ip)_conntrack\b|conntrack (?:-L|--dump)[^|;]*\|\s*wc -l|cat \S*(?:nf|ip)_conntrack\s*\|\s*wc -l/,
    means: hint('lines'),
  },
  { pattern: /(?:net\/)?stat\/(?:nf|ip)_conntrack|stat_(?:nf|ip)_conntrack/, means: hint('statistics') },
  { pattern: /(?:nf|ip)_conntrack_expect/, means: hint('expectations') },
  { pattern: /dump-conntrack/, means: hint('ovs', { list: 'ovs' }) },
  { pattern: /conntrackd\s+(?:-\w+\s+)*-e\b/, means: hint('cache', { list: 'conntrackd-external' }) },
  { pattern: /conntrackd\s+(?:-\w+\s+)*-i\b/, means: hint('cache', { list: 'conntrackd' }) },
];

const PROC = /(?:^|[\s/])(?:nf|ip)_conntrack(?:\s|$|\.txt$|\.log$)/;
const VERBS: ReadonlyMap<string, TrackerSubject> = new Map([
  ['-L', 'list'],
  ['--dump', 'list'],
  ['-G', 'list'],
  ['--get', 'list'],
  ['-D', 'list'],
  ['--delete', 'list'],
  ['-E', 'events'],
  ['--event', 'events'],
  ['-S', 'statistics'],
  ['--stats', 'statistics'],
  ['-C', 'count'],
  ['--count', 'count'],
]);

/** What a command line of conntrack, conntrackd, ovs-appctl, cat or sysctl prints; NULL for any other. */
export function hintOfCommand(command: string): TrackerHint | null {
  const named = NAMED.find(({ pattern }) => pattern.test(command));
  if (named !== undefined) return named.means;
  const words = command.trim().split(/\s+/);
  const start = words.findIndex((word) => /(?:^|\/)conntrack$/.test(word));
  if (start < 0) return PROC.test(command) ? hint('proc') : null;
  const rest = words.slice(start + 1);
  const verb = rest.find((word) => VERBS.has(word));
  if (verb === undefined) return null;
  const subject = VERBS.get(verb)!;
  const output = rest
    .filter(
      (word, index) => rest[index - 1] === '-o' || rest[index - 1] === '--output' || /^(?:-o|--output=)\w/.test(word),
    )
    .join(',');
  const isEvents = subject === 'events';
  const more = { isEvents, showsUserSpace: /userspace/.test(output) };
  if (subject === 'statistics' || subject === 'count') return hint(subject);
  if (/\bxml\b/.test(output)) return hint('xml', { ...more, list: listNamed(rest) });
  if (rest.includes('expect')) return hint('expectations', more);
  if (/\bsave\b/.test(output)) return hint('save', { ...more, list: listNamed(rest) });
  return hint(subject, { ...more, list: listNamed(rest) });
}

function listNamed(words: readonly string[]): CtList {
  return words.includes('dying') ? 'dying' : words.includes('unconfirmed') ? 'unconfirmed' : 'main';
}

/** Names such as 'conntrack-L-dying.txt', 'conntrack_-L_-o_extended', 'conntrack-events.log', 'nf_conntrack'; lower case. */
const FILE_NAMES: readonly HintRule[] = [
  { pattern: /conntrack[_-]+(?:-?s|stats?|statistics)(?:[^a-z]|$)/, means: hint('statistics') },
  { pattern: /conntrack[_-]+(?:-?c|count)(?:[^a-z]|$)/, means: hint('count') },
  { pattern: /conntrack[_-]+(?:max)(?:[^a-z]|$)/, means: hint('maximum') },
  { pattern: /conntrack[_-]+(?:-?e[_-]+|events?[_-]+|-?l[_-]+|list[_-]+)?(?:expect)/, means: hint('expectations') },
  { pattern: /conntrack.*xml/, means: hint('xml') },
  { pattern: /conntrack.*save/, means: hint('save') },
  {
    pattern: /conntrackd.*external|conntrackd[_-]+-?e(?:[^a-z]|$)/,
    means: hint('cache', { list: 'conntrackd-external' }),
  },
  { pattern: /conntrackd/, means: hint('cache', { list: 'conntrackd' }) },
  { pattern: /ovs.*conntrack/, means: hint('ovs', { list: 'ovs' }) },
  { pattern: /conntrack[_-]+(?:-?e|events?)(?:[^a-z]|$)/, means: hint('events', { isEvents: true }) },
  { pattern: /(?:nf|ip)_conntrack(?:[^a-z_]|$)/, means: hint('proc') },
  { pattern: /conntrack/, means: hint('list') },
];

/** What a file's name says; NULL for a name that says nothing of conntrack. */
export function hintOfFileName(fileName: string): TrackerHint | null {
  const name = fileName.toLowerCase();
  if (!name.includes('conntrack')) return null;
  const whole = NAMED.slice(0, 6).find(({ pattern }) => pattern.test(name));
  const means = whole?.means ?? FILE_NAMES.find(({ pattern }) => pattern.test(name))?.means ?? null;
  if (means === null || means.list !== 'main') return means;
  return { ...means, list: name.includes('dying') ? 'dying' : name.includes('unconfirmed') ? 'unconfirmed' : 'main' };
}

/** The manifest's command speaks before the file's name. */
export function hintOf(context: FormContext): TrackerHint | null {
  return (context.command === null ? null : hintOfCommand(context.command)) ?? hintOfFileName(context.fileName);
}

/** A shell's prompt, or the mark of `set -x`. */
const PROMPT = /^(?:\+ |[^#$%>=]{0,80}[#$%>]\s+)/;
const COMMAND =
  /^(?:(?:sudo|doas|time|ip netns exec \S+)\s+)*(?:\S*\/)?(?:conntrackd?|ovs-appctl|ovs-dpctl|cat|sysctl|wc|head|tail)\s/;

/** A line that is a command typed before its output ('root@fw:~# conntrack -L dying', '+ conntrack -S'); NULL for any other line. */
export function hintOfPrompt(line: string): TrackerHint | null {
  if (line.length > 300 || !line.includes('conntrack') || line.includes('=')) return null;
  const command = line.trim().replace(PROMPT, '');
  return COMMAND.test(command) ? hintOfCommand(command) : null;
}
