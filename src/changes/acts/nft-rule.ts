// A rule of ours in front of a rule of somebody's nft chain. It is found again by its comment; its neighbours are never touched.

import { HostError } from '../../host/host.js';
import type { WriteHost } from '../../host/write-host.js';
import type { NftRuleAct } from '../../model/change.js';
import { firstLine, mustRun, type NetnsPath } from '../change-host.js';
import type { ActKind } from './act-kind.js';

/** Handles of the rules in the chain that carry our comment; NULL when there is no such chain. */
async function handlesOf(act: NftRuleAct, host: WriteHost, netns: NetnsPath): Promise<readonly number[] | null> {
  const result = await host.run('nft', ['-a', 'list', 'chain', act.family, act.table, act.chain], {
    ...(netns === undefined ? {} : { netns }),
  });
  if (result.exitStatus !== 0) {
    if (/No such file or directory/.test(result.stderr)) return null;
    throw new HostError('failed', 'nft', `cannot list ${chainOf(act)}: ${firstLine(result.stderr)}`);
  }
  return result.stdout
    .split('\n')
    .filter((line) => line.includes(`comment "${act.comment}"`))
    .flatMap((line) => {
      const handle = /# handle (\d+)\s*$/.exec(line)?.[1];
      return handle === undefined ? [] : [Number(handle)];
    });
}

const chainOf = (act: NftRuleAct) => `${act.family} ${act.table} ${act.chain}`;

const placing = (act: NftRuleAct): readonly string[] =>
  act.beforeHandle === null
    ? ['add', 'rule', act.family, act.table, act.chain]
    : ['insert', 'rule', act.family, act.table, act.chain, 'position', String(act.beforeHandle)];

export const nftRuleKind: ActKind<NftRuleAct> = {
  is: 'nft-rule',
  says: (act) => `a rule in ${chainOf(act)}`,
  saysBack: (act) => `the rule in ${chainOf(act)} removed`,
  doing: (act) => [`nft '${[...placing(act), act.text].join(' ')}'`],
  undoing: (act) => [
    `nft delete rule ${chainOf(act)} handle ${act.handle ?? `N   # the rule with comment ${act.comment}`}`,
  ],
  async look(act, host, netns) {
    const handles = await handlesOf(act, host, netns);
    if (handles === null) return { is: 'before', found: 'no such chain' };
    return handles.length === 0 ? { is: 'before', found: 'no such rule' } : { is: 'after', found: 'there' };
  },
  async apply(act, host, netns) {
    await mustRun(host, netns, 'nft', ['-f', '-'], { input: `${[...placing(act), act.text].join(' ')}\n` });
    const [handle] = (await handlesOf(act, host, netns)) ?? [];
    if (handle === undefined)
      throw new HostError('failed', 'nft', `nft took a rule for ${chainOf(act)}, but it is not there`);
    return { ...act, handle };
  },
  async revert(act, host, netns) {
    for (const handle of (await handlesOf(act, host, netns)) ?? [])
      await mustRun(host, netns, 'nft', ['delete', 'rule', act.family, act.table, act.chain, 'handle', String(handle)]);
  },
};
