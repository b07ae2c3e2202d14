// Words and signs of nft text, line by line; what they mean depends on where they stand and is decided elsewhere.

export interface NftToken {
  readonly text: string;
  readonly isQuoted: boolean;
  /** Blank before it, for giving the text back as it was written. */
  readonly isSpaced: boolean;
  /** Column, from 0. */
  readonly at: number;
}

export interface NftLine {
  readonly tokens: readonly NftToken[];
  /** Text behind '#', without it; NULL when there is none. */
  readonly comment: string | null;
  /** A backslash at the end: the next line goes on. */
  readonly isContinued: boolean;
  readonly error: { readonly reason: string; readonly at: number } | null;
}

const SIGNS = ['==', '!=', '<=', '>=', '<<', '>>', '{', '}', '(', ')', ',', ';', '=', '!', '<', '>', '&', '|', '^'];
const WORD_END = /[\s"#{}(),;=!<>&|^]/g;
const BEGINS_SIGN = new Set(SIGNS.map((one) => one.charAt(0)));
/** nft does not escape a quote inside a prefix or comment: the closing one is the one that something known follows. */
const BEHIND_TEXT =
  /^\s*(?:$|[;}#,]|(?:level|group|snaplen|queue-threshold|flags|counter|accept|drop|return|continue|jump|goto|reject|queue|comment|log|limit|meta|ct|ip6?|tcp|udp|snat|dnat|masquerade|redirect|notrack|quota|xt|timeout|expires)\b)/;

/** Splits one line. An unclosed quote is an error; the rest of the line is then one word. */
export function lexNftLine(line: string): NftLine {
  const tokens: NftToken[] = [];
  let at = 0;
  let isSpaced = true;
  while (at < line.length) {
    const character = line[at] ?? '';
    if (/\s/.test(character)) {
      isSpaced = true;
      at++;
      continue;
    }
    if (character === '#') return { tokens, comment: line.slice(at + 1), isContinued: false, error: null };
    if (character === '\\' && line.slice(at + 1).trim() === '')
      return { tokens, comment: null, isContinued: true, error: null };
    if (character === '"') {
      const end = closingQuote(line, at, tokens.at(-1)?.text ?? '');
      if (end < 0)
        return { tokens, comment: null, isContinued: false, error: { reason: 'a quote is opened and not closed', at } };
      tokens.push({ text: line.slice(at + 1, end), isQuoted: true, isSpaced, at });
      at = end + 1;
      isSpaced = false;
      // A wildcard may stand behind the quote: "eth"*
      if (line[at] === '*') {
        const last = tokens.pop();
        if (last) tokens.push({ ...last, text: `${last.text}*` });
        at++;
      }
      continue;
    }
    const sign = BEGINS_SIGN.has(character) ? SIGNS.find((one) => line.startsWith(one, at)) : undefined;
    if (sign !== undefined) {
      tokens.push({ text: sign, isQuoted: false, isSpaced, at });
      at += sign.length;
      isSpaced = false;
      continue;
    }
    WORD_END.lastIndex = at + 1;
    const end = WORD_END.exec(line)?.index ?? line.length;
    pushWord(tokens, line.slice(at, end), isSpaced, at);
    at = end;
    isSpaced = false;
  }
  return { tokens, comment: null, isContinued: false, error: null };
}

/** People write '80: accept' and '80:accept' for what nft prints as '80 : accept'. */
function pushWord(tokens: NftToken[], word: string, isSpaced: boolean, at: number): void {
  const glued = /^([^:]+|\[[^\]]*\]):(accept|drop|continue|return|jump|goto)?$/.exec(word);
  if (!glued || word === ':') {
    tokens.push({ text: word, isQuoted: false, isSpaced, at });
    return;
  }
  const key = glued[1] ?? '';
  tokens.push(
    { text: key, isQuoted: false, isSpaced, at },
    { text: ':', isQuoted: false, isSpaced: true, at: at + key.length },
  );
  if (glued[2] !== undefined) tokens.push({ text: glued[2], isQuoted: false, isSpaced: true, at: at + key.length + 1 });
}

function closingQuote(line: string, open: number, before: string): number {
  const isText = before === 'prefix' || before === 'comment';
  let last = -1;
  for (let at = line.indexOf('"', open + 1); at >= 0; at = line.indexOf('"', at + 1)) {
    last = at;
    if (!isText || BEHIND_TEXT.test(line.slice(at + 1))) return at;
  }
  return last;
}

/** The tokens as text again, spaced as they were. */
export function nftText(tokens: readonly NftToken[]): string {
  return tokens
    .map(
      (token, index) => `${index > 0 && token.isSpaced ? ' ' : ''}${token.isQuoted ? `"${token.text}"` : token.text}`,
    )
    .join('');
}
