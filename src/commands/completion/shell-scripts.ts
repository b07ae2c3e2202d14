// The table of completions as a script of bash, zsh or fish. All names are plain words of ours: letters, digits and dashes.

import type { CompletionTable } from './completion-table.js';

/** Finds the command's words among those typed, in a language that bash and zsh share. */
const FIND_COMMAND = `  for word in "$@"; do
    case "$word" in
      -*) ;;
      *) if [ -z "$noun" ]; then noun="$word"; elif [ -z "$verb" ]; then verb="$word"; fi ;;
    esac
  done`;

function caseOfWords({ words, nouns }: CompletionTable): string {
  const rows = [...words].filter(([key]) => key !== '' && !key.includes(' '));
  const verbs = [...words].filter(([key]) => key.includes(' '));
  return [
    '  case "$noun $verb" in',
    ...verbs.map(([key, list]) => `    '${key}') words='${list.join(' ')}' ;;`),
    ...rows.map(([key, list]) => `    '${key} '${nouns.includes(key) ? '' : '*'}) words='${list.join(' ')}' ;;`),
    `    *) words='${words.get('')!.join(' ')}' ;;`,
    '  esac',
  ].join('\n');
}

function caseOfValues({ values }: CompletionTable): string {
  return [
    '  case "$previous" in',
    ...[...values].map(([spellings, list]) => `    ${spellings.join('|')}) words='${list.join(' ')}'; return ;;`),
    '  esac',
  ].join('\n');
}

/** A function of both shells: sets `words` from the words before the cursor and the one just before it. */
function chooser(table: CompletionTable): string {
  return `_ctwhy_words() {
  local noun='' verb='' word previous="$1"
  shift
${caseOfValues(table)}
${FIND_COMMAND}
${caseOfWords(table)}
}`;
}

export function bashScript(table: CompletionTable): string {
  return `${chooser(table)}
_ctwhy() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=''
  _ctwhy_words "\${COMP_WORDS[COMP_CWORD-1]}" "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _ctwhy ctwhy
`;
}

export function zshScript(table: CompletionTable): string {
  return `#compdef ctwhy
${chooser(table)}
_ctwhy() {
  local typed="$words[CURRENT]" before="$words[CURRENT-1]"
  local -a given=("\${(@)words[2,CURRENT-1]}")
  local words=''
  _ctwhy_words "$before" "\${given[@]}"
  local -a found=(\${(s: :)words})
  if [[ -n "\${(M)found:#\${typed}*}" ]]; then compadd -- $found; else _files; fi
}
if [ "$funcstack[1]" = _ctwhy ]; then _ctwhy "$@"; else compdef _ctwhy ctwhy; fi
`;
}

export function fishScript({ words, values, nouns }: CompletionTable): string {
  const options = (list: readonly string[]) => list.filter((word) => word.startsWith('--'));
  const plain = (list: readonly string[]) => list.filter((word) => !word.startsWith('--'));
  const known = plain(words.get('')!);
  const lines = [
    `complete -c ctwhy -n "not __fish_seen_subcommand_from ${known.join(' ')}" -f -a "${words.get('')!.join(' ')}"`,
  ];
  for (const [key, list] of words) {
    if (key === '') continue;
    const [noun, verb] = key.split(' ');
    const verbs = nouns.includes(noun!) ? plain(words.get(noun!)!) : [];
    const condition =
      verb !== undefined
        ? `__fish_seen_subcommand_from ${noun}; and __fish_seen_subcommand_from ${verb}`
        : verbs.length > 0
          ? `__fish_seen_subcommand_from ${noun}; and not __fish_seen_subcommand_from ${verbs.join(' ')}`
          : `__fish_seen_subcommand_from ${noun}`;
    if (plain(list).length > 0) lines.push(`complete -c ctwhy -n "${condition}" -a "${plain(list).join(' ')}"`);
    lines.push(`complete -c ctwhy -n "${condition}" -a "${options(list).join(' ')}"`);
  }
  for (const [spellings, list] of values)
    lines.push(
      `complete -c ctwhy ${spellings.map((one) => (one.startsWith('--') ? `-l ${one.slice(2)}` : `-s ${one.slice(1)}`)).join(' ')} -x -a "${list.join(' ')}"`,
    );
  return `${lines.join('\n')}\n`;
}
