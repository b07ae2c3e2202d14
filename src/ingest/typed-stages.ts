// Several commands on one typed line: which of them printed the next line? 'uname -r; conntrack -C; conntrack -L | wc -l' prints a line
// each, and a number alone means nothing without the command that printed it.

export interface Stage {
  /** 'conntrack -L dying | wc -l'. */
  readonly command: string;
  /** Lines it prints when it works; NULL: nobody can tell, and what comes is its own to the end. */
  readonly lines: number | null;
}

const LOOP = /^(?:while|until|for|if|case|do|function)\b|\$\(|`|<<|^\(/;
/** What a shell does with the error output changes nothing of what is printed. */
const ERRORS_ASIDE = /\s*2>\s*(?:&1|\S+)/g;
const QUOTED = /'[^']*'|"[^"]*"/g;
const PRINTS_NOTHING = /^(?:sleep|cd|set|export|true|clear|modprobe)\b|\s>>?\s*[^&\s]/;
const PRINTS_ONE_LINE: readonly RegExp[] = [
  /\|\s*wc -[lcw]$/,
  /^wc -[lcw]\s*<?\s*\S+$/,
  /\|\s*e?grep -\w*c\w*\s[^|]+$/,
  /^e?grep -\w*c\w*\s[^|]+\s[^\s|]+$/,
  /^(?:uname|date|hostname|nproc|uptime|whoami)\b[^|]*$/,
  /^conntrack (?:-C|--count)$/,
  /^cat \/proc\/(?:sys\/\S+|uptime|version|loadavg)$/,
  /^sysctl (?:-\w+ )?[\w./-]+$/,
];
/** Commands that print one line for each of their operands. */
const LINE_EACH = /^(cat|sysctl(?: -[en]+)?) (?=\S+ \S)(?:(?:\/proc\/sys\/|net[./])\S+\s*)+$/;

/** At ; and && and || outside of quotes; NULL: a quote stays open. */
function split(line: string): readonly string[] | null {
  const parts: string[] = [];
  let part = '';
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === "'" || character === '"') quote = character;
    else if (character === ';' || line.startsWith('&&', at) || line.startsWith('||', at)) {
      parts.push(part);
      part = '';
      if (character !== ';') at++;
      continue;
    }
    part += character;
  }
  return quote === '' ? [...parts, part].map((one) => one.trim()).filter((one) => one !== '') : null;
}

/** 'nf_conntrack_{count,max}' as the shell hands it over: 'nf_conntrack_count nf_conntrack_max'. One pair of braces a word. */
function withoutBraces(command: string): string {
  return command.replace(/([^\s{}]*)\{([^\s{}]*,[^\s{}]*)\}([^\s{}]*)/g, (_, before: string, choices: string, after) =>
    choices
      .split(',')
      .map((choice) => `${before}${choice}${after}`)
      .join(' '),
  );
}

function linesOf(command: string): number | null {
  const plain = command.replace(ERRORS_ASIDE, '').trim();
  if (PRINTS_NOTHING.test(plain.replace(QUOTED, ''))) return 0;
  return PRINTS_ONE_LINE.some((one) => one.test(plain)) ? 1 : null;
}

/** One command for each operand, where each prints a line of its own. */
function oneByOne(command: string): readonly string[] {
  const plain = command.replace(ERRORS_ASIDE, '').trim();
  const program = LINE_EACH.exec(plain)?.[1];
  return program === undefined
    ? [command]
    : plain
        .slice(program.length)
        .trim()
        .split(/\s+/)
        .map((operand) => `${program} ${operand}`);
}

/**
 * The commands of a typed line, in the order in which they print.
 * @returns one stage where the line is one command, or too much of a program to say what it prints
 */
export function stagesOf(line: string): readonly Stage[] {
  const parts = split(line);
  if (parts === null || parts.some((part) => LOOP.test(part))) return [{ command: line, lines: null }];
  return parts
    .flatMap((part) => oneByOne(withoutBraces(part)))
    .map((command) => ({ command, lines: linesOf(command) }));
}
