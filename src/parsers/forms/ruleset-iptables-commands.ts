// Scripts and transcripts of iptables commands, as people keep them, post them and trace them with sh -x.

import type { Ruleset } from '../../model/ruleset.js';
import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { finishRuleset, hookBuiltIns } from '../ruleset/ruleset-builder.js';
import { iptablesWords, newScript, runLine, type Script } from '../ruleset/shell-script.js';
import { splitShell } from '../ruleset/shell-words.js';

/** A '#' alone is no prompt here but a comment: a rule that somebody commented out must not come back. */
const PROMPT = /^\s*(?:\[?[\w.-]+@[\w.-]+[^#$%>]{0,60}[#$%>]|[$%>]|\++)\s+(?=(?:sudo\s+)?(?:\S*\/)?ip6?tables)/;
const CHANGE =
  /^(?:\s*(?:sudo|then|do|else|ip netns exec \S+)\s+)*\s*(?:\/\S*\/)?ip6?tables(?:-legacy|-nft)?\s+(?:.*\s)?(?:-[AIDRNXFPEZ]|--(?:append|insert|delete|replace|new-chain|delete-chain|flush|policy|zero|rename-chain))(?:\s|$)/;
const BY_VARIABLE = /^\s*(?:sudo\s+)?["']?\$\{?\w*(?:IP6?T|iptables|fw|FW)\w*\}?["']?\s+(?:.*\s)?-[AIDRNXFPEZ](?:\s|$)/;
const NAMES_PROGRAM =
  /^\s*(?:export\s+)?\w+=["']?(?:sudo\s+)?(?:\S*\/)?ip6?tables(?:-legacy|-nft)?(?:\s[^"']*)?["']?\s*$/;
const SHELL_LINE =
  /^\s*(?:#|[A-Za-z_]\w*=|(?:export|local|readonly|declare|set|unset|if|then|else|elif|fi|for|while|until|do|done|case|esac|function|return|exit|break|continue|echo|printf|modprobe|insmod|sysctl|ip|ipset|tc|cat|sleep|true|false|test|source|service|systemctl|logger|touch|mkdir|rm|cp|mv|grep|awk|sed|cut|read|shift|trap|wait|exec|eval|cd|chmod|depmod|rmmod|nft|ebtables|arptables|ip6?tables\S*|sudo|route|ifconfig|:)(?:\s|;|$)|\.\s|\[|\{|\}|;;|\(|[\w*|" -]+\)\s*(?:$|;|\w)|[A-Za-z_][\w-]*\s*\(\s*\)|\/\S+|\$|[A-Za-z_]\w*\s*;?\s*$)/;

export const iptablesCommandsForm: Form = {
  id: 'iptables commands',
  title: 'scripts and transcripts of iptables, ip6tables and iptables-restore commands',
  recognise(line, context) {
    const bare = line.replace(PROMPT, '');
    if (CHANGE.test(bare)) return 90;
    if (/^\s*(?:sudo\s+)?(?:\/\S*\/)?ip6?tables(?:-legacy|-nft)?-restore\b.*<</.test(line)) return 90;
    if (NAMES_PROGRAM.test(line)) return 85;
    if (BY_VARIABLE.test(line)) return 80;
    const isHinted = /iptables|firewall|\bfw\b|rules/.test(context.fileName);
    if (/^#!.*\b(?:ba|da|k|z)?sh\b/.test(line)) return isHinted ? 60 : 40;
    return isHinted && /^[A-Z_]\w*=\S/.test(line) ? 50 : 0;
  },
  open: openCommands,
};

function openCommands(emit: Emit, _context: FormContext): FormReader {
  let script = newScript();
  let firstLine = 0;
  let continued = '';

  function flush(): void {
    if (continued !== '') runLine(script, continued, 1);
    continued = '';
    emitScript(emit, script, firstLine);
    script = newScript();
    firstLine = 0;
  }

  return {
    line(text, line): LineOutcome {
      if (firstLine === 0) firstLine = line;
      const place = line - firstLine + 1;
      if (script.hereEnd === null && continued === '') {
        if (text.trim() === '') return TAKEN;
        if (!isShell(script, text)) {
          flush();
          return OTHER;
        }
      }
      const bare = continued === '' ? text.replace(PROMPT, '') : text;
      if (script.hereEnd === null && /(^|[^\\])\\$/.test(bare)) {
        continued += `${bare.slice(0, -1)} `;
        return TAKEN;
      }
      const whole = continued + bare;
      continued = '';
      const problem = runLine(script, whole, place)[0];
      return problem ? { is: 'unread', reason: problem.reason, at: problem.at } : TAKEN;
    },
    end: flush,
  };
}

/** Whether a line can belong to a shell script: one of its words, an assignment, a call of iptables or of a function seen before. */
function isShell(script: Script, text: string): boolean {
  if (script.frames.length > 0) return true;
  if (PROMPT.test(text) || CHANGE.test(text) || SHELL_LINE.test(text)) return true;
  const commands = splitShell(text, (name) => script.variables.get(name) ?? null);
  const first = commands[0];
  return (
    first !== undefined && (iptablesWords(first.words) !== null || script.functions.has(first.words[0]?.text ?? ''))
  );
}

function emitScript(emit: Emit, script: Script, firstLine: number): void {
  const chains = [...script.builder.chains.values()];
  if (chains.length === 0) return;
  hookBuiltIns(chains);
  for (const [name, one] of script.functions) {
    const changes = one.body.filter((source) => /ip6?tables|\$\{?\w*IPT/.test(source)).length;
    if (!one.wasCalled && changes > 0)
      script.builder.notes.add(
        `Function ${name}() in line ${one.line} is never called here; its ${changes} commands were left out.`,
      );
  }
  const families = [...new Set(chains.map((chain) => chain.family))];
  for (const family of families) {
    const own = chains.filter((chain) => chain.family === family);
    const tables = new Set(own.map((chain) => chain.table));
    const isWhole = [...tables].every((table) => script.emptied.has(`${family}\t${table}`));
    const builder = {
      ...script.builder,
      chains: new Map(own.map((chain) => [`${chain.table}\t${chain.name}`, chain])),
    };
    const frame: Pick<Ruleset, 'form' | 'family' | 'backend' | 'isPartial' | 'generatedBy'> = {
      form: 'iptables commands',
      family,
      backend: script.backend,
      isPartial: !isWhole,
      generatedBy: null,
    };
    emit({ kind: 'ruleset', line: firstLine, ruleset: finishRuleset(builder, frame) });
  }
}
