// INVALID of a translated connection that goes on untranslated; and what looks like it.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { explainedFiles, FIXTURE_HOSTS } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-skips-nat-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LEAK = join(FIXTURE_HOSTS, 'invalid-skips-nat');

async function classes(files: Readonly<Record<string, string>>, name: string) {
  const paths = Object.entries(files).map(([file, text]) => {
    const path = join(folder, `${name}-${file}`);
    writeFileSync(path, text);
    return path;
  });
  const { db, findings } = await explainedFiles(paths);
  db.close();
  return findings.map(({ finding }) => `${finding.class} ${finding.cause ?? ''} ${finding.confidence}`);
}

/** The recorded leak with one of its files written anew. */
async function twin(name: string, file: string, change: (text: string) => string) {
  const copy = join(folder, name);
  cpSync(LEAK, copy, { recursive: true });
  writeFileSync(join(copy, file), change(readFileSync(join(LEAK, file), 'utf8')));
  const { db, findings } = await explainedFiles([copy]);
  db.close();
  return findings.map(({ finding }) => finding);
}

const COMPLAINT =
  'Nov 21 14:00:01 gw kernel: nf_ct_proto_6: ACK is under the lower bound (possible overly delayed ACK) IN=lan0 OUT= MAC= SRC=192.0.2.5 DST=198.51.100.5 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=9 DF PROTO=TCP SPT=40005 DPT=443 SEQ=1 ACK=5000 WINDOW=510 RES=0x00 ACK FIN URGP=0 \n';
const LOGGED =
  'Nov 21 14:00:01 gw kernel: FORWARD INVALID: IN=lan0 OUT=wan0 MAC= SRC=192.0.2.5 DST=198.51.100.5 LEN=40 TOS=0x00 PREC=0x00 TTL=63 ID=9 DF PROTO=TCP SPT=40005 DPT=443 SEQ=1 ACK=5000 WINDOW=510 RES=0x00 ACK FIN URGP=0 \n';
const TRANSLATED =
  'tcp      6 431990 ESTABLISHED src=192.0.2.5 dst=198.51.100.5 sport=40005 dport=443 src=198.51.100.5 dst=203.0.113.1 sport=443 dport=40005 [ASSURED] mark=0 use=1\n';
const PLAIN = TRANSLATED.replace('dst=203.0.113.1', 'dst=192.0.2.5');
const rules = (forward: readonly string[]) =>
  ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [9:500]', ':OUTPUT ACCEPT [0:0]', ...forward, 'COMMIT', ''].join(
    '\n',
  );
const LOG_RULE = '[1:40] -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: "';
const DROP_RULE = '[1:40] -A FORWARD -m conntrack --ctstate INVALID -j DROP';

describe('INVALID skips NAT', () => {
  it('is one story: the leaked packet and the reset that came for it', async () => {
    const { db, findings } = await explainedFiles([LEAK]);
    db.close();
    const leaks = findings.filter(({ finding }) => finding.class === 'invalid-skips-nat');
    expect(leaks.map(({ finding }) => finding.packets.count)).toEqual([2]);
    expect(leaks[0]!.finding.evidence.map((item) => item.kind)).toContain('capture');
    expect(leaks[0]!.finding.remedies[0]!.command).toBe(
      'iptables-legacy -I FORWARD 1 -o eth1 -m conntrack --ctstate INVALID -j DROP',
    );
  });

  it('is possible where nothing shows the packet outside', async () => {
    const said = await classes({ 'kern.log': LOGGED, 'ct.txt': TRANSLATED, 'rules.txt': rules([LOG_RULE]) }, 'poor');
    expect(said.filter((one) => one.startsWith('invalid-skips-nat'))).toEqual([
      'invalid-skips-nat leak-upstream possible',
    ]);
  });

  it.each([
    ['a connection that is not translated', { 'ct.txt': PLAIN, 'rules.txt': rules([LOG_RULE]) }],
    ['a packet that a rule for INVALID drops', { 'ct.txt': TRANSLATED, 'rules.txt': rules([LOG_RULE, DROP_RULE]) }],
    ['a packet of which no rules tell what became of it', { 'ct.txt': TRANSLATED }],
  ])('is not said of %s', async (name, files) => {
    const said = await classes({ 'kern.log': COMPLAINT + LOGGED, ...files }, name.replaceAll(' ', '-'));
    expect(said.join()).not.toContain('invalid-skips-nat');
  });

  it('is not said where the masquerade rule is missing and the SYN leaks too', async () => {
    const said = await twin('no-masquerade', 'conntrack-L.txt', (text) =>
      text.replace('dst=198.51.100.1 ', 'dst=192.0.2.94 '),
    );
    const events = await twin('no-masquerade-at-all', 'conntrack-E.txt', () => '');
    expect(events.length).toBeGreaterThan(0);
    expect(said.map((finding) => finding.class)).not.toContain('invalid-skips-nat');
  });

  it('is less sure without the capture: the leak is then told by the reset that came for it', async () => {
    const copy = join(folder, 'no-capture');
    cpSync(LEAK, copy, { recursive: true });
    rmSync(join(copy, 'eth1.pcap'));
    const { db, findings } = await explainedFiles([copy]);
    db.close();
    const leak = findings.find(({ finding }) => finding.class === 'invalid-skips-nat')!;
    expect(leak.finding.evidence.map((item) => item.kind)).not.toContain('capture');
    expect(leak.finding.packets.count).toBe(2);
  });
});
