// Rules of ours in files that the next boot loads are found, and nothing else is taken for one.

import { describe, expect, it } from 'vitest';
import type { ReadHost } from '../../../src/host/host.js';
import { savedRulesOfOurs } from '../../../src/survey/saved-rules.js';

/** A host that has these files. */
function hostWith(files: Readonly<Record<string, string>>): ReadHost {
  return {
    readOrNull: (path: string) => files[path] ?? null,
    list(folder: string) {
      const names = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      if (names.length === 0) throw new Error(`no ${folder}`);
      return names.map((path) => path.slice(folder.length + 1));
    },
  } as unknown as ReadHost;
}

const RULE =
  '-A INPUT -p tcp -m tcp --dport 25 -m comment --comment "ctwhy:C12:1" -j LOG --log-prefix "ctwhy:C12:NEW "\n';

describe('rules of ours saved into /etc', () => {
  it.each([
    ['/etc/iptables/rules.v4', `*filter\n${RULE}COMMIT\n`],
    ['/etc/sysconfig/iptables', `*raw\n${RULE.replaceAll('"', '')}COMMIT\n`],
    ['/etc/nftables.conf', 'flush ruleset\ntable inet ctwhy_7 {\n\tcounter seen {\n\t}\n}\n'],
    ['/etc/nftables.d/10-saved.nft', 'table bridge ctwhy_12 { }\n'],
    ['/etc/firewall.user', `iptables ${RULE}`],
  ])('are found in %s', (path, text) => {
    expect(savedRulesOfOurs(hostWith({ [path]: text, '/etc/iptables/rules.v6': '*filter\nCOMMIT\n' }))).toEqual([path]);
  });

  it('are not our name in prose, nor a table called alike', () => {
    const text = '# see ctwhy(1)\ntable inet ctwhy_old { }\ntable inet my_ctwhy_7 { }\ntable ip ctwhy { }\n';
    expect(savedRulesOfOurs(hostWith({ '/etc/nftables.conf': text }))).toEqual([]);
  });
});
