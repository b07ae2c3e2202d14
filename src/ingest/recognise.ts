// Which form begins with this line? The forms answer with how sure they are; hints of the context decide where a line alone does not.

import type { Form, FormContext } from '../parsers/form.js';

/** From here on a line starts a form on its own. */
const SURE = 50;

/** The form a line begins; NULL when none claims it. Of equal claims the earlier in the list wins. */
export function recogniseLine(forms: readonly Form[], line: string, context: FormContext): Form | null {
  let best: Form | null = null;
  let bestScore = 0;
  for (const form of forms) {
    const score = form.recognise(line, context);
    if (score <= bestScore) continue;
    if (score < SURE && !isHinted(form, context)) continue;
    best = form;
    bestScore = score;
  }
  return best;
}

/** Whether the file's name or the command before it speaks of a form: every word of its id is in one of them. */
export function isHinted(form: Form, context: FormContext): boolean {
  const words = form.id.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return [context.fileName, context.command?.toLowerCase() ?? ''].some((hint) => {
    const said = new Set(hint.match(/[a-z0-9]+/g) ?? []);
    return words.length > 0 && words.every((word) => said.has(word));
  });
}

const NETFILTER =
  /\bSRC=|\bsrc=|\bsport=|\bIN=\S* ?OUT=|nf_conntrack|nf_ct_|\bTRACE:|^\s*-[AI] [A-Za-z]|\[(UNREPLIED|ASSURED|NEW|UPDATE|DESTROY)\]|conntrack.*(full|drop)|\bct state\b|--ctstate|--state\b/;

/** Whether a line that no form wanted looks like one of netfilter's all the same: such a line is shown to people. */
export function looksLikeNetfilter(line: string): boolean {
  return NETFILTER.test(line.length > 4096 ? line.slice(0, 4096) : line);
}
