// Causes that no packet tells, from evidence that holds and from look-alikes that must not be called that.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explainedFiles, FIXTURE_HOSTS } from './explained-files.js';
import { many, saidOf } from './said-of.js';

/** Class and confidence of each finding. */
async function classes(files: Readonly<Record<string, readonly string[]>>) {
  return (await saidOf(files)).map((one) => `${one.class} ${one.confidence}`);
}

interface Ends {
  readonly from: string;
  readonly sport: number;
  readonly to: string;
  readonly dport: number;
}
const udp = (
  { from, sport, to, dport }: Ends,
  left: number,
  replyFrom: string,
  replyTo: string,
  mark = '[UNREPLIED] ',
) =>
  `udp      17 ${left} src=${from} dst=${to} sport=${sport} dport=${dport} ${mark}src=${replyFrom} dst=${replyTo} sport=${dport} dport=${sport} mark=0 use=1`;
const tcp = (
  { from, sport, to, dport }: Ends,
  state: string,
  replyFrom: string,
  replyTo: string,
  mark = '[ASSURED] ',
) =>
  mark === '[UNREPLIED] '
    ? `tcp      6 60 ${state} src=${from} dst=${to} sport=${sport} dport=${dport} [UNREPLIED] src=${replyFrom} dst=${replyTo} sport=${dport} dport=${sport} mark=0 use=1`
    : `tcp      6 431000 ${state} src=${from} dst=${to} sport=${sport} dport=${dport} src=${replyFrom} dst=${replyTo} sport=${dport} dport=${sport} ${mark}mark=0 use=1`;
const syslog = (sport: number, from = '192.0.2.10'): Ends => ({ from, sport, to: '198.51.100.9', dport: 514 });

describe('a stale entry', () => {
  const old = (left: number) => udp(syslog(40001), left, '198.51.100.9', '192.0.2.10');
  const sibling = udp(syslog(40002), 20, '198.51.100.9', '203.0.113.1');

  it('is likely beside a sibling of the same source, and surer when packets are seen to refresh it', async () => {
    expect(await classes({ 'conntrack-L.txt': [old(12), sibling] })).toEqual(['stale-entry likely']);
    const [finding] = await saidOf({
      'conntrack-L-1.txt': [old(12), sibling],
      'conntrack-L-2.txt': [old(29), sibling],
    });
    expect(finding!.evidence.filter((one) => one.kind === 'entry').length).toBeGreaterThan(2);
    expect(finding!.missing).toEqual([]);
    expect(finding!.remedies[0]!.command).toBe(
      'conntrack -D -p udp -s 192.0.2.10 -d 198.51.100.9 --sport 40001 --dport 514',
    );
  });

  it('is likely where a rule of today would translate it, and the connection is known to pass that rule', async () => {
    const rules = [
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      '-A PREROUTING -d 198.51.100.9/32 -p udp -m udp --dport 514 -j DNAT --to-destination 203.0.113.9',
      'COMMIT',
    ];
    const addressed = (address: string) => [
      '2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000',
      `    inet ${address}/24 brd 192.0.2.255 scope global eth0`,
    ];
    const files = { 'conntrack-L.txt': [old(12)], 'iptables-save.txt': rules };
    expect(await classes(files)).toEqual(['stale-entry possible']);
    expect(await classes({ ...files, 'ip-addr.txt': addressed('192.0.2.1') })).toEqual(['stale-entry likely']);
    // What this host sends itself never passes PREROUTING.
    expect(await classes({ ...files, 'ip-addr.txt': addressed('192.0.2.10') })).toEqual([]);
  });

  it('is not the address that others are translated to, nor what is answered, nor a plain neighbour', async () => {
    const own = udp(syslog(40003, '203.0.113.1'), 12, '198.51.100.9', '203.0.113.1');
    expect(await classes({ 'conntrack-L.txt': [own, sibling] })).toEqual([]);
    const answered = udp(syslog(40001), 12, '198.51.100.9', '192.0.2.10', '');
    expect(await classes({ 'conntrack-L.txt': [answered, sibling] })).toEqual([]);
    expect(
      await classes({ 'conntrack-L.txt': [old(12), udp(syslog(40002), 20, '198.51.100.9', '192.0.2.10')] }),
    ).toEqual([]);
  });

  it('is possible at most where only other sources are translated', async () => {
    const other = udp(syslog(40002, '192.0.2.77'), 20, '198.51.100.9', '203.0.113.1');
    expect(await classes({ 'conntrack-L.txt': [old(12), other] })).toEqual(['stale-entry possible']);
  });
});

describe('a race into the table', () => {
  const stats = (failed: number, drop: number, resolved = 0) => [
    `cpu=0 found=0 invalid=0 insert=0 insert_failed=${failed} drop=${drop} early_drop=0 error=0 search_restart=0 clash_resolve=${resolved} chaintoolong=0`,
  ];
  const rules = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':DNS - [0:0]',
    '-A PREROUTING -d 198.51.100.53/32 -p udp -m udp --dport 53 -j DNS',
    '-A DNS -p udp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 192.0.2.53:53',
    '-A DNS -p udp -j DNAT --to-destination 192.0.2.54:53',
    'COMMIT',
  ];

  it('is likely when failed insertions and drops rise together, surer with the rules', async () => {
    const moved = { 'conntrack-S-before.txt': stats(4, 4), 'conntrack-S-after.txt': stats(31, 31) };
    const [alone] = await saidOf(moved);
    expect(alone).toMatchObject({ class: 'insert-race', confidence: 'likely', outcome: 'DROP', fate: 'dropped' });
    expect(alone!.packets.count).toBe(27);
    const [ruled] = await saidOf({ ...moved, 'iptables-save.txt': rules });
    expect(ruled!.evidence.some((one) => one.kind === 'rule')).toBe(true);
    expect(ruled!.ruledOut.map((one) => one.cause)).toContain('ports used up');
  });

  it('is possible by totals since boot, and by rules when nothing else is here', async () => {
    expect(await classes({ 'conntrack-S.txt': stats(20, 12) })).toEqual(['insert-race possible']);
    expect(await classes({ 'iptables-save.txt': rules })).toEqual(['insert-race possible']);
  });

  it('is not told of races that ended well, of drops alone, or of rules where the statistics say no', async () => {
    expect(
      await classes({ 'conntrack-S-before.txt': stats(0, 0, 5), 'conntrack-S-after.txt': stats(0, 0, 900) }),
    ).toEqual([]);
    expect(await classes({ 'conntrack-S-before.txt': stats(0, 3), 'conntrack-S-after.txt': stats(0, 90) })).toEqual([]);
    expect(await classes({ 'conntrack-S.txt': stats(2, 9000) })).toEqual([]);
    expect(await classes({ 'conntrack-S.txt': stats(0, 0), 'iptables-save.txt': rules })).toEqual([]);
    const tcpOnly = rules.map((rule) => rule.replaceAll('udp', 'tcp'));
    expect(await classes({ 'iptables-save.txt': tcpOnly })).toEqual([]);
  });
});

describe('helpers and expectations', () => {
  const full = '[  900.1] nf_conntrack: expectation table full';

  it('a full table of expectations is not a full table of connections', async () => {
    const [finding, ...rest] = await saidOf({ 'kern.log': [full, full] });
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      class: 'helper-expectation',
      confidence: 'likely',
      cause: 'expectation-table-full',
    });
    expect(finding!.remedies[0]!.command).toContain('nf_conntrack_expect_max');
    expect(finding!.ruledOut.map((one) => one.cause)).toEqual(['table-full']);
  });

  it('is certain where the expectations are counted, too', async () => {
    const expected = many(
      8,
      (index) =>
        `300 proto=6 src=192.0.2.${index + 1} dst=198.51.100.21 sport=0 dport=${50000 + index} mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=192.0.2.${index + 1} master-dst=198.51.100.21 sport=40000 dport=21 class=0 helper=ftp`,
    );
    const said = await classes({
      'kern.log': [full],
      'conntrack-L-expect.txt': expected,
      'sysctl.txt': ['net.netfilter.nf_conntrack_expect_max = 8'],
    });
    expect(said).toEqual(['helper-expectation certain']);
  });

  it('a helper that is not there, by the word of the kernel', async () => {
    expect(await classes({ 'kern.log': ['[   12.5] xt_CT: No such helper "sip"'] })).toEqual([
      'helper-expectation likely',
    ]);
  });

  const nothing = ['conntrack v1.4.7 (conntrack-tools): 0 expectation events have been shown.'];
  const relied = ['net.netfilter.nf_conntrack_helper = 1'];

  it('nothing expected while the old setting is relied on', async () => {
    // A kernel that has the setting still attaches helpers: only its release decides.
    expect(await classes({ 'conntrack-E-expect.txt': nothing, 'sysctl.txt': relied })).toEqual([
      'helper-expectation possible',
    ]);
    const release = ['Linux gw 6.1.0-18-amd64 #1 SMP Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux'];
    expect(await classes({ 'conntrack-E-expect.txt': nothing, 'sysctl.txt': relied, 'uname.txt': release })).toEqual([
      'helper-expectation likely',
    ]);
  });

  it('PPTP without helper: GRE comes unannounced', async () => {
    const control = tcp(
      { from: '192.0.2.20', sport: 41000, to: '198.51.100.20', dport: 1723 },
      'ESTABLISHED',
      '198.51.100.20',
      '203.0.113.1',
    );
    const gre =
      'gre      47 25 src=192.0.2.20 dst=198.51.100.20 srckey=0x0 dstkey=0x1a [UNREPLIED] src=198.51.100.20 dst=203.0.113.1 srckey=0x1a dstkey=0x0 mark=0 use=1';
    const [finding] = await saidOf({ 'conntrack-L.txt': [control, gre], 'conntrack-E-expect.txt': nothing });
    expect(finding).toMatchObject({ class: 'helper-expectation', cause: 'helper-not-assigned' });
    expect(
      await classes({
        'conntrack-L.txt': [control],
        'conntrack-L-expect.txt': ['conntrack v1.4.7 (conntrack-tools): 0 expectations have been shown.'],
      }),
    ).toEqual([]);
  });

  it('is not told of a host that relies on nothing, of a kernel that attaches helpers, or where a rule does', async () => {
    expect(
      await classes({ 'conntrack-E-expect.txt': nothing, 'sysctl.txt': ['net.netfilter.nf_conntrack_helper = 0'] }),
    ).toEqual([]);
    expect(
      await classes({
        'conntrack-E-expect.txt': nothing,
        'sysctl.txt': relied,
        'uname.txt': ['Linux fw 5.10.0-8-amd64 #1 SMP Debian 5.10.46-4 (2021-08-03) x86_64 GNU/Linux'],
      }),
    ).toEqual([]);
    const rules = [
      '*raw',
      ':PREROUTING ACCEPT [0:0]',
      '-A PREROUTING -p tcp -m tcp --dport 1723 -j CT --helper pptp',
      'COMMIT',
    ];
    expect(
      await classes({ 'conntrack-E-expect.txt': nothing, 'sysctl.txt': relied, 'iptables-save.txt': rules }),
    ).toEqual([]);
  });
});

describe('a bridge that is passed by', () => {
  const request = tcp(
    { from: '192.0.2.31', sport: 42000, to: '198.51.100.80', dport: 80 },
    'SYN_SENT',
    '192.0.2.32',
    '192.0.2.31',
    '[UNREPLIED] ',
  );
  const off = ['net.bridge.bridge-nf-call-iptables = 0'];

  it('is possible by neighbours alone, and more where addresses and links show the bridge', async () => {
    expect(await classes({ 'conntrack-L.txt': [request], 'sysctl.txt': off })).toEqual(['bridge-path possible']);
    const addresses = [
      '3: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000',
      '    link/ether 00:00:5e:00:53:01 brd ff:ff:ff:ff:ff:ff',
      '    inet 192.0.2.1/24 brd 192.0.2.255 scope global br0',
      '       valid_lft forever preferred_lft forever',
    ];
    const [finding] = await saidOf({ 'conntrack-L.txt': [request], 'sysctl.txt': off, 'ip-addr.txt': addresses });
    expect(finding).toMatchObject({ class: 'bridge-path', confidence: 'likely' });
  });

  it('is not told where bridged frames pass the hooks, where the target is elsewhere, or without a bridge', async () => {
    expect(
      await classes({ 'conntrack-L.txt': [request], 'sysctl.txt': ['net.bridge.bridge-nf-call-iptables = 1'] }),
    ).toEqual([]);
    expect(
      await classes({ 'conntrack-L.txt': [request.replaceAll('192.0.2.32', '203.0.113.32')], 'sysctl.txt': off }),
    ).toEqual([]);
    expect(await classes({ 'conntrack-L.txt': [request] })).toEqual([]);
  });
});

describe('a healthy host', () => {
  it('of many ordinary entries has nothing above possible', async () => {
    const listing = [
      ...many(400, (index) =>
        tcp(
          { from: `192.0.2.${(index % 250) + 1}`, sport: 40000 + index, to: '198.51.100.7', dport: 443 },
          'ESTABLISHED',
          '198.51.100.7',
          '203.0.113.1',
        ),
      ),
      ...many(200, (index) =>
        udp(
          { from: `192.0.2.${(index % 250) + 1}`, sport: 50000 + index, to: '198.51.100.53', dport: 53 },
          25,
          '198.51.100.53',
          '203.0.113.1',
          '',
        ),
      ),
      ...many(40, (index) =>
        tcp(
          { from: '198.51.100.200', sport: 45000 + index, to: '203.0.113.1', dport: index + 1 },
          'SYN_SENT',
          '203.0.113.1',
          '198.51.100.200',
          '[UNREPLIED] ',
        ),
      ),
      tcp(
        { from: '192.0.2.9', sport: 46000, to: '198.51.100.21', dport: 21 },
        'ESTABLISHED',
        '198.51.100.21',
        '203.0.113.1',
      ),
    ];
    const said = await saidOf({
      'conntrack-L.txt': listing,
      'conntrack-S-before.txt': [
        'cpu=0 found=9 invalid=70 insert=0 insert_failed=2 drop=2 early_drop=0 error=1 search_restart=7 clash_resolve=50 chaintoolong=0',
      ],
      'conntrack-S-after.txt': [
        'cpu=0 found=9 invalid=90 insert=0 insert_failed=2 drop=2 early_drop=0 error=1 search_restart=9 clash_resolve=80 chaintoolong=0',
      ],
      'sysctl.txt': [
        'net.netfilter.nf_conntrack_count = 641',
        'net.netfilter.nf_conntrack_max = 262144',
        'net.netfilter.nf_conntrack_helper = 0',
        'net.bridge.bridge-nf-call-iptables = 0',
      ],
    });
    expect(said.map((one) => `${one.class} ${one.confidence}`)).toEqual([]);
  });

  it.each(['normal', 'normal-late-close', 'rule-never-matched'])('%s', async (name) => {
    const { db, ofHosts } = await explainedFiles([join(FIXTURE_HOSTS, name)]);
    expect(ofHosts.map(({ finding }) => finding.class)).toEqual([]);
    db.close();
  });
});
