// A rule of ours in an iptables chain, known by its comment, put in and taken out under iptables' own lock.
// What is there is asked of the save program: -L would load tables that nobody had.

import { HostError } from '../../host/host.js';
import type { WriteHost } from '../../host/write-host.js';
import type { IptablesRuleAct } from '../../model/change.js';
import { firstLine, mustRun, type NetnsPath } from '../change-host.js';
import type { ActKind } from './act-kind.js';

/** Seconds to wait for the xtables lock: a change can be asked for again, undoing has to succeed. */
const WAIT_TO_APPLY = ['-w', '5'];
export const WAIT_TO_UNDO = ['-w', '30'] as const;

const savedWord = (act: IptablesRuleAct) => new RegExp(`--comment "?${act.comment}"?(?= |$)`);

/** iptables-legacy -> iptables-legacy-save */
const saveProgram = (program: string) => `${program}-save`;

/** How many rules of the chain carry the comment. */
async function countOf(act: IptablesRuleAct, host: WriteHost, netns: NetnsPath): Promise<number> {
  if (act.program.includes('legacy') && !(await isTableLoaded(act, host, netns))) return 0;
  const result = await host.run(saveProgram(act.program), ['-t', act.table], {
    ...(netns === undefined ? {} : { netns }),
  });
  if (result.exitStatus !== 0)
    throw new HostError(
      'failed',
      act.program,
      `${saveProgram(act.program)} -t ${act.table}: ${firstLine(result.stderr)}`,
    );
  const word = savedWord(act);
  return result.stdout.split('\n').filter((line) => line.startsWith(`-A ${act.chain} `) && word.test(line)).length;
}

/** A legacy table that is not loaded holds no rule of ours; asking for it would load it. */
async function isTableLoaded(act: IptablesRuleAct, host: WriteHost, netns: NetnsPath): Promise<boolean> {
  const path = act.program.startsWith('ip6') ? '/proc/net/ip6_tables_names' : '/proc/net/ip_tables_names';
  const names =
    netns === undefined
      ? host.readOrNull(path)
      : (await host.run('cat', [path.replace('/proc/net', '/proc/self/net')], { netns })).stdout;
  return (names ?? '').split('\n').includes(act.table);
}

const quoted = (words: readonly string[]) =>
  words.map((word) => (/^[\w@%+=:,./!-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');

export const iptablesRuleKind: ActKind<IptablesRuleAct> = {
  is: 'iptables-rule',
  says: (act) => `${act.program.startsWith('ip6') ? 'ip6' : 'ip'} ${act.table} ${act.chain}, rule ${act.position}`,
  saysBack: (act) => `the rule in ${act.program.startsWith('ip6') ? 'ip6' : 'ip'} ${act.table} ${act.chain} removed`,
  doing: (act) => [
    quoted([act.program, ...WAIT_TO_APPLY, '-t', act.table, '-I', act.chain, String(act.position), ...act.words]),
  ],
  undoing: (act) => [quoted([act.program, ...WAIT_TO_UNDO, '-t', act.table, '-D', act.chain, ...act.words])],
  async look(act, host, netns) {
    const count = await countOf(act, host, netns);
    return count === 0 ? { is: 'before', found: 'no such rule' } : { is: 'after', found: `there (${count})` };
  },
  async apply(act, host, netns) {
    await mustRun(host, netns, act.program, [
      ...WAIT_TO_APPLY,
      '-t',
      act.table,
      '-I',
      act.chain,
      String(act.position),
      ...act.words,
    ]);
    return act;
  },
  async revert(act, host, netns) {
    // A ruleset saved and restored meanwhile may hold it twice; each has our comment.
    for (let left = await countOf(act, host, netns); left > 0; left--)
      await mustRun(host, netns, act.program, [...WAIT_TO_UNDO, '-t', act.table, '-D', act.chain, ...act.words]);
  },
};
