// Splitting rule text into words as iptables-restore does: blanks separate, double quotes keep together, backslash escapes inside quotes.

export interface Word {
  readonly text: string;
  /** A quoted word is never an option, whatever it begins with. */
  readonly isQuoted: boolean;
  /** Column in the line, from 0. */
  readonly at: number;
}

export type Words =
  | { readonly ok: true; readonly words: readonly Word[] }
  | { readonly ok: false; readonly reason: string; readonly at: number };

/** Words of one iptables-save or `iptables -S` line (iptables/xshared.c: add_param_to_argv(), 1.8.9). */
export function splitSaveWords(line: string, from = 0): Words {
  const words: Word[] = [];
  let at = from;
  while (at < line.length) {
    if (isBlank(line[at])) {
      at++;
      continue;
    }
    const start = at;
    let text = '';
    let isQuoted = false;
    while (at < line.length && !isBlank(line[at])) {
      if (line[at] !== '"') {
        text += line[at++];
        continue;
      }
      const end = readQuoted(line, at);
      if (end === null) return { ok: false, reason: 'a quote is opened and not closed', at };
      isQuoted = true;
      text += end.text;
      at = end.next;
    }
    words.push({ text, isQuoted, at: start });
  }
  return { ok: true, words };
}

function readQuoted(line: string, open: number): { text: string; next: number } | null {
  let text = '';
  for (let at = open + 1; at < line.length; at++) {
    const character = line[at];
    if (character === '"') return { text, next: at + 1 };
    if (character === '\\' && at + 1 < line.length) text += line[++at];
    else text += character;
  }
  return null;
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r';
}

/** A word as iptables-save prints it (libxtables/xtables.c: xtables_save_string()): quoted when it holds more than letters, digits, - and _. */
export function quoteWord(text: string, always = false): string {
  if (!always && text !== '' && !/[\s"'\\]/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Words joined to a line that splitSaveWords() reads back to the same words. */
export function joinWords(words: readonly Word[]): string {
  return words.map((word) => quoteWord(word.text, word.isQuoted && /^[-!]/.test(word.text))).join(' ');
}

/** A word that was not quoted where it came from. */
export function plainWord(text: string, at = 0): Word {
  return { text, isQuoted: false, at };
}
