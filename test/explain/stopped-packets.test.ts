// Packets whose state no record names, stopped by a policy: a story of their own beside those of the connection that passed; and NEW for
// want of an entry where events show that it had gone.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { explainedFiles } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-stopped-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RULES = `table inet fw { # handle 1
  chain forw { # handle 2
    type filter hook forward priority filter; policy drop;
    ct state established accept # handle 3
    iifname "lan0" tcp flags syn / syn,ack ct state new accept # handle 4
  }
}
`;
const head = (ipId: number, flags: string) =>
  `packet: iif "lan0" oif "wan0" ip saddr 192.0.2.7 ip daddr 198.51.100.7 ip dscp cs0 ip ecn not-ect ip ttl 63 ip id ${ipId} ip protocol tcp ip length 58 tcp sport 40007 tcp dport 8080 tcp flags == ${flags} tcp window 63`;
const END = '(verdict accept)';

function traced(atS: number, id: string, ipId: number, flags: string, end: string): string {
  const at = `${(1795315600 + atS).toFixed(6)} trace id ${id} inet fw forw`;
  return `${at} ${head(ipId, flags)}\n${at} ${end}\n`;
}

const TRACE = [
  traced(0.02, 'a0000001', 11, 'syn', `rule iifname "lan0" tcp flags syn / syn,ack ct state new accept ${END}`),
  traced(0.03, 'a0000002', 12, 'ack', `rule ct state established accept ${END}`),
  ...[3, 4, 6].map((atS, at) => traced(atS, `a000001${at}`, 20 + at, '0x18', 'policy drop')),
].join('');

const TUPLES =
  'src=192.0.2.7 dst=198.51.100.7 sport=40007 dport=8080 src=198.51.100.7 dst=192.0.2.7 sport=8080 dport=40007';
const EVENTS = `[1795315600.010000]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=192.0.2.7 dst=198.51.100.7 sport=40007 dport=8080 [UNREPLIED] src=198.51.100.7 dst=192.0.2.7 sport=8080 dport=40007 id=7
[1795315600.021000]\t [UPDATE] ipv4     2 tcp      6 60 SYN_RECV ${TUPLES} id=7
[1795315600.022000]\t [UPDATE] ipv4     2 tcp      6 432000 ESTABLISHED ${TUPLES} [ASSURED] id=7
[1795315602.000000]\t[DESTROY] ipv4     2 tcp      6 431998 ESTABLISHED ${TUPLES} [ASSURED] id=7 [USERSPACE] portid=77
[1795315609.000000]\t    [NEW] ipv4     2 udp      17 30 src=192.0.2.9 dst=198.51.100.9 sport=5000 dport=53 [UNREPLIED] src=198.51.100.9 dst=192.0.2.9 sport=53 dport=5000 id=8
`;

async function told(files: Readonly<Record<string, string>>) {
  const paths = Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
  const { db, findings } = await explainedFiles(paths);
  db.close();
  return findings.map(({ finding }) => [
    finding.class,
    finding.cause,
    finding.outcome,
    finding.fate,
    finding.packets.count,
  ]);
}

describe('packets of unknown state that a policy stopped', () => {
  it('are not mixed with those that passed', async () => {
    expect(await told({ 'nft-trace.txt': TRACE, 'nft.txt': RULES })).toContainEqual([
      'rule-decided',
      'policy-decided',
      'DROP',
      'dropped',
      3,
    ]);
  });

  it('are NEW for want of the entry that was deleted before', async () => {
    const files = { 'nft-trace.txt': TRACE, 'nft.txt': RULES, 'conntrack-E.txt': EVENTS };
    const loose = { 'sysctl.txt': 'net.netfilter.nf_conntrack_tcp_loose = 1\n' };
    expect(await told({ ...files, ...loose })).toContainEqual([
      'entry-gone',
      'entry-deleted-from-userspace',
      'NEW',
      'dropped',
      3,
    ]);
  });
});
