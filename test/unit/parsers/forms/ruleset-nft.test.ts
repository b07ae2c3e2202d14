import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nftForm } from '../../../../src/parsers/forms/ruleset-nft.js';
import { nftJsonForm } from '../../../../src/parsers/forms/ruleset-nft-json.js';
import { readForm, rulesOf, short } from '../read-form.js';

const LISTING = `table inet fw { # handle 1
	comment "a table"
	ct helper ftp-std { # handle 9
		type "ftp" protocol tcp
		l3proto ip
	}

	set bad { # handle 15
		type ipv4_addr
		flags interval,timeout
		elements = { 192.0.2.0/28 timeout 10m expires 9m59s988ms comment "x, y",
			     198.51.100.3-198.51.100.9 }
	}

	map ports { # handle 20
		type inet_service : verdict
		elements = { 22 : accept, 25-30 : jump mail }
	}

	flowtable ft {
		hook ingress priority filter
		devices = { eth0, eth1 }
	}

	chain mail { # handle 1
		ip saddr @bad counter packets 3 bytes 180 drop comment "it's bad" # handle 30
	}

	chain in { # handle 5
		type filter hook input priority filter + 10; policy drop;
		ct state vmap { established : accept, invalid : drop } # handle 31
		tcp dport 22 log prefix "ssh: " level info counter packets 1 bytes 60 ct state new accept # handle 32
	}
}
table netdev early {
	chain ing {
		type filter hook ingress devices = { eth0, eth1 } priority -500; policy accept;
	}
}
`;

function conditionsOf(rule: string, table = 'ip'): string[] {
  const read = readForm(nftForm, `table ${table} t {\n\tchain c {\n\t\t${rule}\n\t}\n}`);
  expect(read.unread).toEqual([]);
  return short(rulesOf(read.rulesets[0])[0]?.conditions ?? []);
}

describe('nft list ruleset', () => {
  const read = readForm(nftForm, LISTING);
  const [ruleset] = read.rulesets;

  it('reads tables, objects, sets and chains', () => {
    expect(read).toMatchObject({ unread: [], others: [] });
    expect(ruleset).toMatchObject({ family: 'mixed', backend: 'nft', isPartial: false });
    expect(ruleset?.sets).toEqual([
      {
        family: 'inet',
        table: 'fw',
        name: 'bad',
        type: 'ipv4_addr',
        flags: ['interval', 'timeout'],
        elements: ['192.0.2.0/28', '198.51.100.3-198.51.100.9'],
      },
      {
        family: 'inet',
        table: 'fw',
        name: 'ports',
        type: 'inet_service : verdict',
        flags: ['map'],
        elements: ['22 : accept', '25-30 : jump mail'],
      },
    ]);
    expect(
      ruleset?.chains.map((chain) => [chain.name, chain.hook, chain.priority, chain.policy, chain.devices]),
    ).toEqual([
      ['mail', null, null, null, []],
      ['in', 'INPUT', 10, 'DROP', []],
      ['ing', 'INGRESS', -500, 'ACCEPT', ['eth0', 'eth1']],
    ]);
  });

  it('gives text without counter values and handle, and both beside it', () => {
    expect(rulesOf(ruleset)[0]).toMatchObject({
      text: 'ip saddr @bad counter drop comment "it\'s bad"',
      handle: 30,
      packets: 3,
      bytes: 180,
      comment: "it's bad",
      verdict: 'DROP',
      line: 26,
    });
  });

  it('knows which tests come before the packet is logged', () => {
    const rule = rulesOf(ruleset)[2];
    expect(rule).toMatchObject({ logPrefix: 'ssh: ', conditionsBeforeLog: 2 });
    expect(short(rule?.conditions ?? [])).toEqual(['proto=tcp', 'dport=22', 'ctstate=NEW']);
  });

  it('reads verdict maps', () => {
    expect(rulesOf(ruleset)[1]?.verdictMap).toEqual({
      field: 'ctstate',
      map: null,
      entries: [
        { value: 'ESTABLISHED', verdict: 'ACCEPT', jump: null, isGoto: false },
        { value: 'INVALID', verdict: 'DROP', jump: null, isGoto: false },
      ],
    });
  });

  it('marks tables of ours', () => {
    const [rule] = rulesOf(
      readForm(nftForm, 'table inet ctwhy_tag { chain c { type filter hook input priority 0; counter; } }').rulesets[0],
    );
    expect(rule).toMatchObject({ isOurs: true, text: 'counter' });
  });
});

describe('nft matches', () => {
  it.each([
    ['ip saddr 192.0.2.77/24', ['src=192.0.2.0/24']],
    ['ip saddr != { 192.0.2.1, 198.51.100.0/24 }', ['!src=192.0.2.1,198.51.100.0/24']],
    ['ip saddr & 255.0.255.0 == 192.0.2.0', ['src=192.0.2.0/255.0.255.0']],
    ['iifname "eth*" oifname != "br0"', ['in=eth*', '!out=br0']],
    ['iifname vmap @m', []],
    ['tcp dport { 22, 80-90 }', ['proto=tcp', 'dport=22,80:90']],
    ['meta l4proto { tcp, udp } th dport >= 1024', ['proto=tcp,udp', 'dport=1024:65535']],
    ['ip saddr . tcp dport @pairs', ['proto=tcp', 'src . dport=@pairs']],
    [
      'ip saddr . ip daddr . th dport { 192.0.2.1 . 198.51.100.1 . 80 }',
      ['src . dst . dport=192.0.2.1 . 198.51.100.1 . 80'],
    ],
    ['ct state established,related', ['ctstate=RELATED,ESTABLISHED']],
    ['ct state ! new,established', ['!ctstate=NEW,ESTABLISHED']],
    ['ct state 0x1', ['ctstate=INVALID']],
    ['ct status dnat', ['ctstatus=DNAT']],
    ['ct status != dnat', ['!ctstatus-exact=DNAT']],
    ['ct original ip saddr 192.0.2.1', ['ctorigsrc=192.0.2.1']],
    ['ct reply proto-dst 1-1023', ['ctrepldstport=1:1023']],
    ['ct mark and 0xff == 0x10', ['ctmark=0x10/0xff']],
    ['meta mark & 0x00004000 != 0', ['!mark=0x0/0x4000']],
    ['tcp flags syn', ['proto=tcp', '!tcp-flags=SYN/NONE']],
    ['tcp flags ! fin,rst', ['proto=tcp', 'tcp-flags=FIN,RST/NONE']],
    ['tcp flags & (fin|syn|rst|ack) == syn', ['proto=tcp', 'tcp-flags=FIN,SYN,RST,ACK/SYN']],
    ['tcp flags syn / fin,syn,rst,ack', ['proto=tcp', 'tcp-flags=FIN,SYN,RST,ACK/SYN']],
    ['tcp flags & (fin | syn) == 0x0', ['proto=tcp', 'tcp-flags=FIN,SYN/NONE']],
    ['tcp flags == syn', ['proto=tcp', 'tcp-flags=FIN,SYN,RST,PSH,ACK,URG,ECE,CWR/SYN']],
    ['icmp type destination-unreachable icmp code frag-needed', ['proto=icmp', 'icmp-type=3', 'icmp-code=4']],
    ['fib daddr type local', ['addrtype-dst=LOCAL']],
    ['fib daddr . iif type local', ['other=']],
    ['ip frag-off & 0x1fff != 0', ['fragment=']],
    ['meta skgid != 100-200', ['!gid=100:200']],
    ['ip dscp != { cs1, 10 }', ['!dscp=8,10']],
    ['limit rate 3/minute burst 5 packets', ['limit=rate 3/minute burst 5 packets']],
    ['ct count over 10', ['other=ct']],
    ['@th,16,16 80', ['other=']],
    ['numgen random mod 10 < 5', ['other=']],
    ['meta hour "08:00"-"17:00"', ['other=']],
    ['xt match "multiport"', ['other=multiport']],
    ['frobnicate yes', ['other=frobnicate']],
  ])('%s', (rule, conditions) => {
    expect(conditionsOf(rule)).toEqual(conditions);
  });

  it('tests the family along in tables of several', () => {
    expect(conditionsOf('ip saddr != 192.0.2.0/24', 'inet')).toEqual(['nfproto=ipv4', '!src=192.0.2.0/24']);
  });
});

describe('nft statements', () => {
  it.each([
    [
      'tcp dport 80 dnat ip to 192.0.2.5:8080',
      { verdict: 'NAT', target: 'DNAT', targetOptions: ['dnat ip to 192.0.2.5:8080'] },
    ],
    [
      'meta mark set meta mark | 0x100 accept',
      { verdict: 'ACCEPT', targetOptions: ['meta mark set meta mark | 0x100'] },
    ],
    ['jump ours', { jump: 'ours', isGoto: false, verdict: null }],
    ['reject with icmpx type admin-prohibited', { verdict: 'REJECT' }],
    ['notrack', { verdict: null, target: 'CT' }],
    ['log prefix "say "hi" x: " level debug flags all', { logPrefix: 'say "hi" x: ', verdict: null }],
    ['ip daddr 192.0.2.1 dnat to tcp dport map { 80 : 192.0.2.5, 443 : 192.0.2.6 }', { verdict: 'NAT' }],
    ['update @seen { ip saddr timeout 10s } drop', { verdict: 'DROP' }],
    ['counter packets 4 bytes 44 continue', { packets: 4, bytes: 44, verdict: null, text: 'counter continue' }],
  ])('%s', (rule, told) => {
    const read = readForm(nftForm, `table ip t {\n\tchain c {\n\t\t${rule}\n\t}\n}`);
    expect(rulesOf(read.rulesets[0])[0]).toMatchObject(told);
  });
});

describe('nft scripts', () => {
  it('follows commands, definitions and one-line blocks', () => {
    const read = readForm(
      nftForm,
      `#!/usr/sbin/nft -f
flush ruleset
define LAN = eth1
table ip fw { chain in { type filter hook input priority 0; policy drop; iifname $LAN accept; } }
add rule ip fw in tcp dport 22 accept
insert rule ip fw in ct state invalid drop`,
    );
    expect(read.unread).toEqual([]);
    expect(rulesOf(read.rulesets[0]).map((rule) => rule.text)).toEqual([
      'ct state invalid drop',
      'iifname eth1 accept',
      'tcp dport 22 accept',
    ]);
  });

  it('begins a new ruleset when a listing repeats a table', () => {
    expect(readForm(nftForm, `${LISTING}\n${LISTING}`).rulesets).toHaveLength(2);
  });

  it('is partial when cut', () => {
    expect(readForm(nftForm, LISTING.slice(0, -30)).rulesets[0]?.isPartial).toBe(true);
  });

  it('leaves other text alone', () => {
    const read = readForm(nftForm, `${LISTING}Nov 21 10:00:00 fw1 kernel: x`);
    expect(read.others).toHaveLength(1);
  });
});

describe('nft -j', () => {
  const objects = [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { table: { family: 'inet', name: 'fw', handle: 1 } },
    {
      chain: {
        family: 'inet',
        table: 'fw',
        name: 'in',
        handle: 5,
        type: 'filter',
        hook: 'input',
        prio: 10,
        policy: 'drop',
      },
    },
    {
      set: {
        family: 'inet',
        name: 'bad',
        table: 'fw',
        type: 'ipv4_addr',
        handle: 2,
        elem: [{ elem: { val: { prefix: { addr: '192.0.2.0', len: 28 } }, timeout: 600 } }],
      },
    },
    {
      rule: {
        family: 'inet',
        table: 'fw',
        chain: 'in',
        handle: 30,
        comment: "it's x",
        expr: [
          { match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '@bad' } },
          { counter: { packets: 3, bytes: 180 } },
          { drop: null },
        ],
      },
    },
    {
      rule: {
        family: 'inet',
        table: 'fw',
        chain: 'in',
        handle: 31,
        expr: [
          { match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] } },
          { log: { prefix: 'a b: ' } },
          { accept: null },
        ],
      },
    },
    {
      rule: {
        family: 'inet',
        table: 'fw',
        chain: 'in',
        handle: 32,
        expr: [
          {
            match: {
              op: '==',
              left: { '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['fin', 'syn']] },
              right: 'syn',
            },
          },
          { 'new thing': { a: 1 } },
          { jump: { target: 'x' } },
        ],
      },
    },
  ];
  const json = JSON.stringify({ nftables: objects });

  it('says the same as the text', () => {
    const read = readForm(nftJsonForm, json);
    expect(read.unread).toEqual([]);
    const [ruleset] = read.rulesets;
    expect(ruleset).toMatchObject({ form: 'nft-json', family: 'inet', generatedBy: 'nft 1.0.6', isPartial: false });
    expect(ruleset?.sets[0]?.elements).toEqual(['192.0.2.0/28']);
    expect(rulesOf(ruleset).map((rule) => [rule.handle, rule.text])).toEqual([
      [30, 'ip saddr @bad counter drop comment "it\'s x"'],
      [31, 'ct state established,related log prefix "a b: " accept'],
      [32, "tcp flags & (fin|syn) == syn xt match \"{'new thing':{'a':1}}\" jump x"],
    ]);
    expect(rulesOf(ruleset)[0]).toMatchObject({ packets: 3, bytes: 180 });
  });

  it('reads it indented', () => {
    const pretty = JSON.stringify({ nftables: objects }, null, 2);
    const read = readForm(nftJsonForm, pretty, { fileName: 'nft.json' });
    expect(rulesOf(read.rulesets[0])).toHaveLength(3);
  });

  it('keeps what is whole of a cut one', () => {
    const read = readForm(nftJsonForm, json.slice(0, -120));
    expect(read.rulesets[0]?.isPartial).toBe(true);
    expect(rulesOf(read.rulesets[0])).toHaveLength(2);
  });

  it('never throws on any JSON', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (value) =>
          void readForm(
            nftJsonForm,
            JSON.stringify({ nftables: [{ rule: { family: 'ip', table: 't', chain: 'c', expr: [value] } }, value] }),
          ),
      ),
    );
    fc.assert(fc.property(fc.nat(json.length), (length) => void readForm(nftJsonForm, json.slice(0, length))));
  });
});

it('never throws, cut anywhere or garbled', () => {
  fc.assert(fc.property(fc.nat(LISTING.length), (length) => void readForm(nftForm, LISTING.slice(0, length))));
  const words = LISTING.split(/\s+/);
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom(...words))),
      (soup) => void readForm(nftForm, `table ip t {\nchain c {\n${soup.join(' ')}\n}\n}`),
    ),
  );
});
