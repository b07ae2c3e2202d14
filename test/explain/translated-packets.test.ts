// A packet that address translation changes on its way is one packet, also where it has no number: as NFLOG hands it out, and line by line.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { explainedFiles } from './explained-files.js';

/**
 * tcpdump -i nflog:0 on a firewall of three namespaces, ip6tables-legacy with TRACE in raw: 40000 to port 80 by DNAT to another address and
 * port, rejected with a reset; 40001 twice to port 81 by REDIRECT, dropped at INPUT; 40002 to port 82 by DNAT, masqueraded behind it.
 */
const RECORDED = [
  'H4sIAAAAAAACA7tyeNNCJgYWBgRgYXgPJK9GMGVfkONmuAJkgzAXEHMwMDK03WVgUAHyQoIcnV2tFIoSy60CglyD/ENDPP3crQryczKTK62MFI',
  'BqwWYyCQBZDGwMDOveG9vLNIGY/AxAY4C0IAMDHwODEIMAw63N7Uu2VkJUgMwXYWAGuySbKeIqmMH1nzmEgZMhgSvkLIMGm4MCI+8OkBlQIIDG',
  'Z5zjwBBweOe3BBBnAdNfhejNQIewsC5gYeLgOv/ksDpYETMzF8iPj3H4UQnhx7zEEmQ/FpXmpFoZKoDVUtWPIrTy4xOgH+8A+XdQ/MiE7Me0zJ',
  'yS1CIrN/+gcMcgFyx+5GBgBdHMVPKrPJJf7bH6lQnOV5jjID8Bxa+Xcfv1KdCvJUB+CYpfmRkUUNMsMC4DQkNQ0ivYf0wOIHeBWCLQOEByB7o7',
  '5ScAYwEIgG5LDBBhYLhnD8k3z4BuqACKV6C5QRkjvFGdAQpwarrjOdAdNUDxGhR3sDCooqVt/+AQzAzMQF23+OUMkrKE20kRnPZ4wncTlc8cGQ',
  'KZ1vdbY8tnXa9kYpHTXnwOWWWJEdXLEm4nI1r5MQHoxwtA/gUUPzIi5y9o2vb0AyVtWElCZf/ZkeY/5SZi/HcN6L/lA59Or0H8mJMN9iPj8zbK',
  '41AhANmPewY+ncL82EwrP+4d2HQK898U0vyHL52i+k/51GBJp5u7wH5k5TEjyo9ODEHXOvlysflRQu3RI2Q/mp0iK50aUz+dbl5MKz9anCKrbW',
  'ZEg7YZzK9bkPxKuG3mJD8Rxa+XcfvVEujXE0D+CbT2iDLu9gi8IUoNv9LCXwA/fKfuQA0AAA==',
];

const RULES = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80:89 -j TRACE
-A OUTPUT -p tcp -m tcp --tcp-flags RST RST -j TRACE
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 2001:db8:1::1/128 -p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8:2::20]:8080
-A PREROUTING -d 2001:db8:1::1/128 -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 9090
-A PREROUTING -d 2001:db8:1::1/128 -p tcp -m tcp --dport 82 -j DNAT --to-destination [2001:db8:2::20]:8081
-A POSTROUTING -p tcp -m tcp --dport 8081 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 9090 -j DROP
-A FORWARD -p tcp -m tcp --dport 8080 -j REJECT --reject-with tcp-reset
-A FORWARD -p tcp -m tcp --dport 8081 -j ACCEPT
COMMIT
`;

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-translated-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function explained(evidence: string, bytes: string | Uint8Array) {
  const files = [join(folder, evidence), join(folder, 'ip6tables-save.txt')];
  writeFileSync(files[0]!, bytes);
  writeFileSync(files[1]!, RULES);
  const { db, findings } = await explainedFiles(files);
  const packets = db.prepare('SELECT count(*) FROM passages').pluck().get();
  const joined = db.prepare('SELECT count(*) FROM passages WHERE tuple2_id IS NOT NULL').pluck().get();
  db.close();
  const said = findings.map(({ finding }) =>
    [finding.class, finding.confidence, finding.fate, finding.packets.count, finding.flow?.sport ?? '-'].join(' '),
  );
  return { said, packets, joined };
}

describe('packets without a number that are translated on their way', () => {
  it('over NFLOG: DNAT, REDIRECT and SNAT behind DNAT are one way each, and nothing is lost in the routing', async () => {
    const { said, packets, joined } = await explained(
      'nflog.pcap',
      gunzipSync(Buffer.from(RECORDED.join(''), 'base64')),
    );
    // Three connections, one of them tried twice, and the reset that answers the first.
    expect({ packets, joined }).toEqual({ packets: 5, joined: 4 });
    expect(said.toSorted()).toEqual([
      'normal certain forwarded 1 40002',
      'rule-decided certain dropped 1 40000',
      'rule-decided certain dropped 2 40001',
    ]);
  });

  const line = (at: string, place: string, tail: string, ttl: number) =>
    `2026-11-22T02:${at}+00:00 fw kernel: TRACE: ${place} IN=eth0 ${tail} LEN=80 TC=0 HOPLIMIT=${ttl} FLOWLBL=0 PROTO=TCP SPT=40000 DPT=`;
  const rest = (dport: number) => `${dport} SEQ=7 ACK=0 WINDOW=64800 RES=0x00 SYN URGP=0 `;
  const arriving = (at: string) =>
    `${line(at, 'nat:PREROUTING:rule:1', 'OUT= SRC=2001:db8:1::10 DST=2001:db8:1::1', 64)}${rest(80)}`;
  const forwarded = (at: string) =>
    `${line(at, 'filter:FORWARD:rule:1', 'OUT=eth1 SRC=2001:db8:1::10 DST=2001:db8:2::20', 63)}${rest(8080)}`;

  it('line by line: joined where the lines are near, told as two pieces and never as lost where they are not', async () => {
    const near = await explained('near.log', `${arriving('10:00.000000')}\n${forwarded('10:00.000020')}\n`);
    expect(near).toMatchObject({ packets: 1, joined: 1 });
    const far = await explained('far.log', `${arriving('10:00.000000')}\n${forwarded('10:00.020000')}\n`);
    expect(far).toMatchObject({ packets: 2, joined: 0 });
    for (const { said } of [near, far]) {
      expect(said[0]).toMatch(/^rule-decided (?:certain|likely) dropped 1 40000$/);
      expect(said.join('\n')).not.toContain('routing-dropped');
    }
  });

  it('what is sent again a minute later is no sign that the first one got through', async () => {
    const { said } = await explained('again.log', `${arriving('10:00.000000')}\n${forwarded('11:00.000000')}\n`);
    expect(said.join('\n')).toContain('routing-dropped');
  });
});
