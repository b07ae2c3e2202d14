// The kernel's release where people write it into their own words: 'kernel 5.15.150', 'Kernel version: 6.1.0-18-amd64', the package
// 'linux-image-6.1.0-18-amd64'. Nobody printed it, so it counts as a guess, and not at all where several are mentioned.

import { type Form, OTHER, TAKEN } from '../form.js';

const RELEASE = /\d{1,2}\.\d{1,3}\.\d{1,3}(?:[-+.~][\w.+~-]*\w)?/.source;
const MENTION = new RegExp(
  `(?:^|[^\\w.-])(?:(?:linux[ -])?kernel(?:[ -]?(?:version|release))?(?: (?:is|was))?|linux)[ :=]{1,4}(?:linux )?v?(${RELEASE})(?![\\w/])`,
  'i',
);
const PACKAGE = new RegExp(`(?:^|[^\\w.-])(?:linux-image-|vmlinuz-)(?:unsigned-)?(${RELEASE})(?![\\w/])`);
/** What was, will be or might be, not what runs. */
const ANOTHER =
  /\b(?:since|before|until|till|from|after|than|upgrad\w*|updat\w*|downgrad\w*|patch\w*|fix\w*|introduc\w*|backport\w*|in|on older|previous|old|new|newer|older|works?|worked|not)\s+(?:(?:the|a|an|to|with|in|of|linux|stock|upstream)\s+){0,3}$/i;
const LONGEST = 1000;

function mentioned(line: string): string | null {
  if (line.length > LONGEST) return null;
  for (const pattern of [MENTION, PACKAGE]) {
    const match = pattern.exec(line);
    if (match === null) continue;
    const keyword = match.index + (/^[^\w.-]/.test(match[0]) ? 1 : 0);
    if (!ANOTHER.test(line.slice(0, keyword))) return match[1]!;
  }
  return null;
}

export const kernelMentionForm: Form = {
  id: 'kernel mention',
  title: 'a kernel release in prose (a guess)',
  recognise: (line) => (mentioned(line) === null ? 0 : 50),
  open: (emit) => ({
    line(text, line) {
      const release = mentioned(text);
      if (release === null) return OTHER;
      emit({ kind: 'bundle', line, statement: { kind: 'host', key: 'kernel-mention', value: release } });
      return TAKEN;
    },
    end() {},
  }),
};
