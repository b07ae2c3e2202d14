// How many entries there are: `conntrack -C`, nf_conntrack_count and nf_conntrack_max; and how many were listed: `wc -l
// /proc/net/nf_conntrack`, `conntrack -L | wc -l`.

import type { ListedOf } from '../../model/record.js';
import { hintOf, hintOfCommand, hintOfPrompt } from '../conntrack/command.js';
import { type Form, OTHER, TAKEN } from '../form.js';

type What = 'count' | 'max' | 'shown';

/** 'net.netfilter.nf_conntrack_count = 263', as sysctl and `grep . FILE` print it. */
const NAMED = /^\s*(?:\S*[./])?(?:nf|ip)_conntrack_(count|max)\s*[=:]\s*(\d{1,10})\s*$/;
const DOTTED = /^\s*(net(?:\.[a-z0-9_]+)+)\s*=/;
const WORD_COUNT = /^\s*(\d{1,10})\s+\/proc\/net\/(?:nf|ip)_conntrack\s*$/;
const BARE = /^\s*(\d{1,10})\s*$/;

export const conntrackCountForm: Form = {
  id: 'conntrack -C',
  title: 'number of entries from conntrack -C, nf_conntrack_count or nf_conntrack_max',
  recognise(line, context) {
    if (WORD_COUNT.test(line)) return 90;
    if (whatOf(hintOfPrompt(line)?.subject) !== null) return 92;
    const isHinted = whatOf(hintOf(context)?.subject) !== null;
    if (NAMED.test(line)) return isHinted ? 95 : 55;
    // A number alone means nothing unless somebody says what it counts.
    return isHinted && BARE.test(line) ? 90 : 0;
  },
  open(emit, context) {
    let bare: What | null = whatOf(hintOf(context)?.subject);
    let of = context.command === null ? null : listedOf(context.command);
    return {
      line(text, line) {
        const named = NAMED.exec(text);
        if (named !== null) {
          emit({ kind: 'ct-count', line, what: named[1] as 'count' | 'max', value: Number(named[2]) });
          const name = DOTTED.exec(text)?.[1];
          if (name !== undefined) emit({ kind: 'sysctl', line, name, value: named[2]! });
          return TAKEN;
        }
        const lines = WORD_COUNT.exec(text);
        if (lines !== null) {
          emit({ kind: 'ct-count', line, what: 'shown', value: Number(lines[1]), of: 'everything' });
          return TAKEN;
        }
        const number = BARE.exec(text);
        if (number !== null && bare !== null) {
          const count = { kind: 'ct-count', line, what: bare, value: Number(number[1]) } as const;
          emit(bare === 'shown' && of !== null ? { ...count, of } : count);
          return TAKEN;
        }
        if (text.trim() === '') return TAKEN;
        const typed = hintOfPrompt(text);
        const what = whatOf(typed?.subject);
        if (what === null) return OTHER;
        bare = what;
        of = listedOf(text);
        return TAKEN;
      },
      command(command) {
        bare = whatOf(hintOfCommand(command)?.subject);
        of = listedOf(command);
        return bare !== null;
      },
      end() {},
    };
  },
};

function whatOf(subject: string | undefined): What | null {
  return subject === 'count' ? 'count' : subject === 'maximum' ? 'max' : subject === 'lines' ? 'shown' : null;
}

/** Which entries a command counts the lines of; NULL: with a filter, or it counts nothing. */
function listedOf(command: string): ListedOf | null {
  if (/\/proc\/net\/(?:nf|ip)_conntrack\b/.test(command)) return 'everything';
  const listing = /conntrack (?:-L|--dump)\s*([^|;]*)\|/
    .exec(command)?.[1]
    ?.replace(/2>\s*\S+/, '')
    .trim();
  if (listing === undefined) return null;
  if (listing === 'dying' || listing === 'unconfirmed') return listing;
  if (/^(?:-f|--family)[ =]ipv6$/.test(listing)) return 'ip6';
  return /^(?:(?:-f|--family)[ =]ipv4)?$/.test(listing) ? 'ip' : null;
}
