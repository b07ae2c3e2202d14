// A router that packets of one side leave by the interface they came in by: what its refusals tell, and where they tell nothing.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { explainedFiles } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-one-armed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function told(text: string) {
  const file = join(folder, `${files++}.txt`);
  writeFileSync(file, text);
  const { db, findings, ofHosts } = await explainedFiles([file]);
  db.close();
  return [...findings, ...ofHosts].map(({ finding }) => ({
    is: finding.class,
    sure: finding.confidence,
    title: finding.title,
    outcome: finding.outcome,
  }));
}

const MAP = 'ct state vmap { established : accept, related : accept, invalid : drop }';
const traced = (oif: string, flags: string) =>
  [
    `trace id 5e6f7a8b inet fw4 forward packet: iif "lan0" oif "${oif}" ether saddr 02:00:5e:10:00:01 ether daddr 02:00:5e:10:00:02 ip saddr 192.0.2.84 ip daddr 198.51.100.22 ip dscp cs0 ip ecn not-ect ip ttl 63 ip id 6687 ip protocol tcp ip length 40 tcp sport 62702 tcp dport 443 tcp flags == ${flags} tcp window 4380`,
    `trace id 5e6f7a8b inet fw4 forward rule ${MAP} (verdict drop)`,
    '',
  ].join('\n');
const logged = (road: string, flags: string) =>
  `Nov 21 14:00:01 gw kernel: DROP INVALID ${road} SRC=192.0.2.84 DST=198.51.100.22 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=7 DF PROTO=TCP SPT=40009 DPT=443 WINDOW=502 RES=0x00 ${flags} URGP=0\n`;

describe('a bare ACK that is INVALID on a detour', () => {
  it('may be the half of a connection whose answers go past', async () => {
    expect(await told(traced('lan0', 'ack'))).toMatchObject([
      { is: 'asymmetric-reply-unseen', sure: 'possible', outcome: 'INVALID' },
    ]);
    expect(await told(logged('IN=lan0 OUT=lan0 MAC=', 'ACK'))).toMatchObject([
      { is: 'asymmetric-reply-unseen', sure: 'possible' },
    ]);
  });

  it.each([
    ['routed on', traced('wan0', 'ack')],
    ['closing', logged('IN=lan0 OUT=lan0 MAC=', 'ACK FIN')],
    ['bridged', logged('IN=br0 OUT=br0 PHYSIN=veth1 PHYSOUT=veth2 MAC=', 'ACK')],
    [
      'with its answers here',
      logged('IN=lan0 OUT=lan0 MAC=', 'ACK') +
        logged('IN=lan0 OUT=lan0 MAC=', 'ACK')
          .replace('SRC=192.0.2.84 DST=198.51.100.22', 'SRC=198.51.100.22 DST=192.0.2.84')
          .replace('SPT=40009 DPT=443', 'SPT=443 DPT=40009'),
    ],
  ])('is not that when it is %s', async (_, text) => {
    expect((await told(text)).map(({ is }) => is)).not.toContain('asymmetric-reply-unseen');
  });
});

describe('what the kernel said, without a packet', () => {
  it('has no places for numbers in its title', async () => {
    const found = await told(
      'Nov 21 14:00:01 gw kernel: nf_ct_proto_6: 3312 bytes more than expected IN=wan OUT= MAC= SRC=192.0.2.84 DST= LEN=467 TOS=0x00 PREC=0x20 TTL=60 ID=27037 DF PROTO=TCP SPT=443 DPT=41370 SEQ=1 ACK=2 WINDOW=252 RES=0x00 ACK PSH FIN URGP=0\n',
    );
    expect(found.map(({ title }) => title).join()).not.toContain('%');
  });

  it('tells a helper that is missing and helpers that do not come by themselves once', async () => {
    const found = await told(
      'Nov 21 14:00:01 gw kernel: nf_conntrack: default automatic helper assignment has been turned off for security reasons and CT-based  firewall rule not found. Use the iptables CT target to attach helpers instead.\nNov 21 14:00:02 gw kernel: xt_CT: No such helper "sip"\n',
    );
    expect(found.map(({ is }) => is)).toEqual(['helper-expectation']);
  });
});
