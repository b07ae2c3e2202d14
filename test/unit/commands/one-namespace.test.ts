// Evidence of two network namespaces of one host in one store: each answers for itself, and an answer says which it is of.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOW_US, rowsOf, runCommand } from '../../helpers/run-command.js';
import { patient } from '../../lab/clock.js';

interface Finding {
  readonly id: number;
  readonly class: string;
  readonly title: string;
  readonly flow: { readonly dport: number; readonly netns: string | null } | null;
  readonly packets: { readonly count: number };
  readonly droppedBy: { readonly table: string; readonly rule: number; readonly answer: string | null } | null;
  readonly evidence: readonly { readonly source: string; readonly text: string }[];
}
interface Document {
  readonly lookedAt: { readonly netns: string | null; readonly otherNetns?: readonly string[] };
  readonly findings: readonly Finding[];
}

const T = NOW_US / 1e6 - 60;
const seconds = (after: number) => (T + after).toFixed(6);

/** A packet as nft monitor trace prints it where it meets a base chain. */
const packet = (place: string, ways: string, { sport, dport, id, ack }: Record<string, number | boolean>) =>
  `${place} packet: ${ways} ether saddr 00:00:5e:00:53:01 ether daddr 00:00:5e:00:53:02 ip saddr 192.0.2.2 ip daddr 198.51.100.2 ip dscp cs0 ip ecn not-ect ip ttl 64 ip id ${id} ip protocol tcp ip length 52 tcp sport ${sport} tcp dport ${dport} tcp flags == ${ack ? '0x11' : 'syn'} tcp window 501`;

/** A bundle of a namespace, as capture and bundle write it. */
function bundle(
  folder: string,
  netns: string,
  files: Readonly<Record<string, readonly [string, readonly string[]]>>,
): string {
  const path = join(folder, netns.split(' ')[0]!);
  mkdirSync(path);
  const parts = Object.entries(files).map(([file, [command, lines]], at) => {
    writeFileSync(join(path, file), lines.map((line) => `${line}\n`).join(''));
    const moment = /-before/.test(file) ? ' moment=before' : /^(nft-trace|kern)/.test(file) ? '' : ' moment=after';
    const atS = /-before/.test(file) ? 0 : 20;
    return `part ${file} start=${seconds(atS + at / 100)} end=${seconds(atS + at / 100 + 0.005)} exit=0${moment} command=${command}`;
  });
  const says = [
    'ctwhy-bundle 1',
    'host gw',
    'kernel 6.18.44',
    'boot-id a3e192f7-9817-4302-8ef0-93ab03ef877d',
    `netns ${netns}`,
  ];
  writeFileSync(join(path, 'MANIFEST'), `${[...says, ...parts].join('\n')}\n`);
  return path;
}

const EMPTY_LIST = 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.';
const RULES = (table: string, chain: string, hook: string, ...rules: readonly string[]) => [
  `table inet ${table} { # handle 1`,
  `\tchain ${chain} { # handle 1`,
  `\t\ttype filter hook ${hook} priority filter; policy accept;`,
  ...rules.map((rule, at) => `\t\t${rule} # handle ${at + 2}`),
  '\t}',
  '}',
];
/** What a capture puts there. */
const OURS = (hook: string, way: string) => [
  'table inet ctwhy_4 { # handle 3',
  `\tchain tracked_${way} { # handle 1`,
  `\t\ttype filter hook ${hook} priority -199; policy accept;`,
  `\t\tct state invalid jump tracked_${way}_hit # handle 3`,
  '\t}',
  '',
  `\tchain tracked_${way}_hit { # handle 2`,
  '\t\tcounter packets 2 bytes 104 meta nftrace set 1 # handle 4',
  '\t}',
  '}',
];

/** FINs of a connection that the client lost its entry of: refused, traced, dropped by its own rule. */
function client(folder: string): string {
  const fin = (n: number, at: number, late: number) => {
    const lines = [
      packet('inet ctwhy_4 tracked_out_hit', 'oif "c0"', { sport: 40_001, dport: 8080, id: 7000 + n, ack: true }),
      'inet ctwhy_4 tracked_out_hit rule counter packets 1 bytes 52 meta nftrace set 1 (verdict continue)',
      'inet ctwhy_4 tracked_out policy accept',
      packet('inet mine output', 'oif "c0"', { sport: 40_001, dport: 8080, id: 7000 + n, ack: true }),
      'inet mine output rule ct state invalid counter packets 1 bytes 52 drop (verdict drop)',
    ];
    return lines.map((line) => `${seconds(at + late)} trace id d05f54${n}f ${line}`);
  };
  const refused = (n: number, at: number) =>
    `${new Date((T + at) * 1000).toISOString().replace('Z', '000+00:00')} gw kernel: nf_ct_proto_6: invalid new IN= OUT=c0 SRC=192.0.2.2 DST=198.51.100.2 LEN=52 TOS=0x00 PREC=0x00 TTL=64 ID=${7000 + n} DF PROTO=TCP SPT=40001 DPT=8080 SEQ=811010512 ACK=443234413 WINDOW=501 RES=0x00 ACK FIN URGP=0 `;
  return bundle(folder, 'blue 4026532001', {
    'conntrack-L-before.txt': [
      'conntrack -L',
      [
        'tcp      6 431990 ESTABLISHED src=192.0.2.2 dst=198.51.100.2 sport=40001 dport=8080 src=198.51.100.2 dst=192.0.2.2 sport=8080 dport=40001 [ASSURED] mark=0 use=1',
      ],
    ],
    'conntrack-L.txt': ['conntrack -L', [EMPTY_LIST]],
    'nft.txt': [
      'nft -a list ruleset',
      [
        ...RULES('mine', 'output', 'output', 'ct state invalid counter packets 2 bytes 104 drop'),
        ...OURS('output', 'out'),
      ],
    ],
    'nft-before.txt': [
      'nft -a list ruleset',
      RULES('mine', 'output', 'output', 'ct state invalid counter packets 0 bytes 0 drop'),
    ],
    'ip-link.json': ['ip -j link', ['[{"ifindex":2,"ifname":"c0","flags":["UP"],"operstate":"UP"}]']],
    // The second is read 0.3 s late, as on a busy host; the third was refused before the trace began.
    'nft-trace.txt': ['nft monitor trace', [...fin(1, 5, 0.002), ...fin(2, 5.2, 0.3)]],
    'kern.log': ['journalctl -k', [refused(0, 4.8), refused(1, 5), refused(2, 5.2)]],
  });
}

/** A firewall beside it, which rejects another connection; its listing is as empty, to the last byte. */
function firewall(folder: string): string {
  const syn = (dport: number, id: number, rule: string) =>
    [
      packet('inet fire forward', 'iif "fc0" oif "fs0"', { sport: 40_001 + id, dport, id, ack: false }),
      `inet fire forward rule ${rule} (verdict drop)`,
    ].map((line) => `${seconds(8)} trace id e05f54${id % 10}f ${line}`);
  const rules = [
    'tcp dport 25 counter packets 1 bytes 52 reject with icmp admin-prohibited',
    'tcp dport 26 counter packets 1 bytes 52 reject with tcp reset',
  ];
  return bundle(folder, 'red 4026532002', {
    'conntrack-L.txt': ['conntrack -L', [EMPTY_LIST]],
    'nft.txt': ['nft -a list ruleset', RULES('fire', 'forward', 'forward', ...rules)],
    'ip-link.json': ['ip -j link', ['[{"ifindex":2,"ifname":"fc0","flags":["UP"],"operstate":"UP"}]']],
    'nft-trace.txt': ['nft monitor trace', [...syn(25, 8001, rules[0]!), ...syn(26, 8002, rules[1]!)]],
  });
}

describe('two namespaces in one store', { timeout: patient(120_000) }, () => {
  let folder: string;
  let db: string;
  const asked = async (words: string, netns: string): Promise<string> => {
    const { stdout, stderr, code } = await runCommand([...words.split(' '), '--db', db, '--netns', netns]);
    if (code !== 0) throw new Error(`${words}: ${code} ${stderr}`);
    return stdout;
  };
  const explained = async (...words: readonly string[]): Promise<Document> => {
    const { stdout, stderr, code } = await runCommand(['explain', '--json', '--db', db, ...words]);
    if (code !== 0) throw new Error(`${words.join(' ')}: ${code} ${stderr}`);
    return JSON.parse(stdout) as Document;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-namespaces-'));
    db = join(folder, 'store.db');
    for (const path of [client(folder), firewall(folder)]) {
      const { stderr, code } = await runCommand(['ingest', path, '--db', db]);
      if (code !== 0) throw new Error(stderr);
    }
  }, patient(180_000));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('the listing of one is not that of the other, though both print the same', async () => {
    const rows = await rowsOf(
      db,
      "SELECT n.name, count(*) AS lists FROM snapshot_parts q JOIN snapshots s ON s.id = q.snapshot_id JOIN series r ON r.id = s.series_id JOIN namespaces n ON n.id = r.namespace_id WHERE q.part = 'list:main' AND q.state = 'read' GROUP BY 1 ORDER BY 1",
    );
    expect(rows).toEqual([
      { name: 'blue', lists: 2 },
      { name: 'red', lists: 1 },
    ]);
  });

  it('bare, the newest answers, and says which others there are', async () => {
    const { lookedAt, findings } = await explained();
    expect(lookedAt).toMatchObject({ netns: 'red', otherNetns: ['blue'] });
    expect(findings.map(({ flow }) => flow?.netns)).toEqual(['red', 'red']);
    expect(findings.map(({ droppedBy }) => droppedBy?.table)).toEqual(['fire', 'fire']);
    const text = (await runCommand(['explain', '--db', db])).stdout;
    expect(text.replace(/\s+/g, ' ')).toContain('of network namespace red; there is also blue: --netns NAME');
    expect(text).toMatch(/timeline 1 [^']*--netns red/);
  });

  it('--netns takes the other, by name or inode, with its evidence alone', async () => {
    for (const name of ['blue', '4026532001']) {
      const { lookedAt, findings } = await explained('--netns', name);
      expect(lookedAt).toMatchObject({ netns: 'blue', otherNetns: ['red'] });
      expect(findings.map(({ class: kind, droppedBy }) => [kind, droppedBy?.table])).toEqual([['entry-gone', 'mine']]);
      expect(JSON.stringify(findings)).not.toContain('inet fire');
      expect(findings[0]!.flow).toMatchObject({ dport: 8080, netns: 'blue' });
    }
    const wrong = await runCommand(['explain', '--db', db, '--netns', 'green']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr.replace(/\s+/g, ' ')).toContain(
      "no evidence of a network namespace 'green'; there is: red, blue",
    );
  });

  it('query answers from all, and with --netns from one, whatever tables it names', async () => {
    const lists =
      "SELECT count(*) AS lists FROM snapshot_parts q JOIN snapshots s ON s.id = q.snapshot_id WHERE q.part = 'list:main'";
    const count = async (...words: readonly string[]) => {
      const { stdout } = await runCommand(['query', lists, '--no-headers', '-o', 'tsv', '--db', db, ...words]);
      return Number(stdout);
    };
    expect(await count()).toBe(3);
    expect(await count('--netns', 'blue')).toBe(2);
    expect(await count('--netns', 'red')).toBe(1);
  });

  it('a line of the kernel log by an interface of the other is not this one’s', async () => {
    const { findings } = await explained('--netns', 'red', '--since', '1 h ago');
    expect(findings.flatMap(({ evidence }) => evidence.map(({ text }) => text)).join('\n')).not.toContain('OUT=c0');
  });

  it('a packet that trace and kernel log saw is one packet, also where the trace was read late', async () => {
    const { findings } = await explained('--netns', 'blue');
    expect(findings.map(({ packets }) => packets.count)).toEqual([3]);
  });

  it('rules of ctwhy are not shown as the user’s', async () => {
    const path = await asked('path 1', 'blue');
    expect(path).toContain('inet mine output 1');
    expect(path).not.toContain('ctwhy_4');
    expect(await asked('path 1 -v', 'blue')).toMatch(/ctwhy_4 .*\(ctwhy's own\)|\(ctwhy's\s+own\)/);
    const diff = await asked('snapshot diff', 'blue');
    expect(diff).toContain('inet mine output 1');
    expect(diff).not.toContain('ctwhy_4');
  });

  it('a REJECT is told as one, with what it answers', async () => {
    const { findings } = await explained('--netns', 'red');
    expect(findings.map(({ droppedBy }) => droppedBy?.answer).sort()).toEqual(['TCP reset', 'icmp admin-prohibited']);
    const text = await asked('explain --all', 'red');
    expect(text).toContain('REJECTED (icmp admin-prohibited)');
    expect(text).toContain('REJECTED (TCP reset)');
    expect(text).not.toContain('DROPPED');
    expect(text).toContain('A rule rejects it, not conntrack');
    expect(await asked('path 1', 'red')).toMatch(/REJECTED by inet fire forward rule \d/);
  });
});
