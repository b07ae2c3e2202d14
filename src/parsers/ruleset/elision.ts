// What people do to rules before they post them: number them, leave some out, quote them.

/** '(3) -A …', '12: -A …', '> -A …': what stands before the rule. NULL when the line has no such mark. */
export function listMark(line: string): string | null {
  return /^\s*(?:\(\d+\)|\d+[.):]|>+|[*•-](?=\s))\s+(?=[-[:*#])/.exec(line)?.[0] ?? null;
}

/** '<...>', '[snip]', '…': rules were left out here. */
export function isElision(line: string): boolean {
  return /^\s*[<[({]?\s*(?:\.{2,}|…|snip(?:ped)?|cut|omitted|removed|truncated)\s*[>\])}]?\s*$/i.test(line);
}
