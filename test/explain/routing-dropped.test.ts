// Packets that die between two hooks; and traces that only end there.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Remedy } from '../../src/model/finding.js';
import { explainedFiles, FIXTURE_HOSTS } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-routing-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What was to be done about each twin. */
const remedies = new Map<string, readonly Remedy[]>();

/** A recorded host with some of its files written anew, or left out. */
async function twin(
  host: string,
  name: string,
  changes: Readonly<Record<string, ((text: string) => string) | null>>,
): Promise<readonly string[]> {
  const copy = join(folder, name);
  cpSync(join(FIXTURE_HOSTS, host), copy, { recursive: true });
  for (const [file, change] of Object.entries(changes)) {
    if (change === null) rmSync(join(copy, file));
    else writeFileSync(join(copy, file), change(readFileSync(join(copy, file), 'utf8')));
  }
  const { db, findings } = await explainedFiles([copy]);
  db.close();
  remedies.set(
    name,
    findings.flatMap(({ finding }) => finding.remedies),
  );
  return findings.map(({ finding }) =>
    [finding.class, finding.confidence, finding.cause ?? '-', finding.causeConfidence ?? '-', finding.fate].join(' '),
  );
}

const NO_COUNTERS = { 'nstat.txt': null, 'nstat-before.txt': null };

describe('lost in the routing', () => {
  it('is told with its counter, its setting and its route', async () => {
    expect(await twin('routing-dropped', 'whole', {})).toEqual([
      'routing-dropped certain reverse-path-filter certain dropped',
    ]);
    expect(await twin('routing-no-route', 'whole-too', {})).toEqual([
      'routing-dropped certain no-route certain dropped',
    ]);
  });

  it('without counters the reason is only worked out from settings and routes', async () => {
    expect(await twin('routing-dropped', 'no-counters', NO_COUNTERS)).toEqual([
      'routing-dropped likely reverse-path-filter possible dropped',
    ]);
    expect(await twin('routing-no-route', 'no-counters-either', NO_COUNTERS)).toEqual([
      'routing-dropped likely no-route likely dropped',
    ]);
  });

  it('where no route leads back, no setting of the filter is advised but the route', async () => {
    await twin('routing-dropped', 'whole-again', {});
    expect(
      remedies
        .get('whole-again')!
        .map(({ command }) => command)
        .join('\n'),
    ).toMatch(/rp_filter=2/);
    const said = await twin('routing-dropped', 'no-way-back', {
      'ip-route.json': (text) =>
        JSON.stringify(
          (JSON.parse(text) as { readonly dst: string; readonly dev: string }[]).filter(
            ({ dst }) => dst !== 'default' && !dst.startsWith('203.0.113.'),
          ),
        ),
    });
    expect(said.join()).toContain('reverse-path-filter');
    const commands = remedies
      .get('no-way-back')!
      .map(({ command, text }) => `${command} ${text}`)
      .join('\n');
    expect(commands).not.toMatch(/rp_filter=/);
    expect(commands).toMatch(/ip route add \d\S+\/32 dev /);
    expect(commands).toMatch(/its address is forged/);
  });

  it('a counter that others moved too decides nothing by itself', async () => {
    const before = readFileSync(join(FIXTURE_HOSTS, 'routing-dropped', 'nstat-before.txt'), 'utf8');
    const rose = (text: string) =>
      text.replace(/(IPReversePathFilter +)(\d+)/, (_, name, value) => `${name}${Number(value) + 9}`);
    expect(before).toContain('IPReversePathFilter');
    const said = await twin('routing-dropped', 'others-too', { 'nstat.txt': rose, 'ip-route.json': null });
    expect(said).toEqual(['routing-dropped likely reverse-path-filter possible dropped']);
  });

  it('without any of it the class stands and the reason is asked for', async () => {
    expect(
      await twin('routing-dropped', 'bare', { ...NO_COUNTERS, 'sysctl.txt': null, 'ip-route.json': null }),
    ).toEqual(['routing-dropped likely - - dropped']);
  });

  it('a filter that is off is not the reason', async () => {
    const said = await twin('routing-dropped', 'filter-off', {
      ...NO_COUNTERS,
      'sysctl.txt': (text) => text.replace(/rp_filter = 1/g, 'rp_filter = 0'),
    });
    expect(said.join()).not.toContain('reverse-path-filter');
  });

  it('forwarding that is off is', async () => {
    const said = await twin('routing-no-route', 'no-forwarding', {
      ...NO_COUNTERS,
      'ip-route.json': (text) =>
        text.replace(/\]$/m, ',{"dst":"default","gateway":"198.51.100.113","dev":"eth1","flags":[]}]'),
      'sysctl.txt': (text) =>
        text.replace(/ip_forward = 1/, 'ip_forward = 0').replace(/(ipv4.*)forwarding = 1/g, '$1forwarding = 0'),
    });
    expect(said).toEqual(['routing-dropped likely forwarding-off likely dropped']);
  });
});

describe('a trace that ends after prerouting', () => {
  it('is not certain where no table would have shown the packet again', async () => {
    const said = await twin('routing-no-route', 'no-forward-chain', {
      'nft.txt': (text) => text.replace(/chain through \{[\s\S]*?\n\t\}/, ''),
      'nft-before.txt': (text) => text.replace(/chain through \{[\s\S]*?\n\t\}/, ''),
      'iptables-save.txt': null,
      'iptables-save-before.txt': null,
    });
    expect(said).toEqual(['routing-dropped possible no-route possible dropped']);
  });

  it('in front of conntrack may be a full table', async () => {
    const said = await twin('routing-dropped', 'only-raw', {
      'kern.log': (text) =>
        text
          .split('\n')
          .filter((line) => !line.includes('mangle:'))
          .join('\n'),
      'conntrack-S.txt': null,
      'conntrack-S-before.txt': null,
    });
    expect(said).toEqual(['routing-dropped likely reverse-path-filter likely dropped']);
  });

  it('goes on where a rule logged the packet in FORWARD', async () => {
    const said = await twin('routing-dropped', 'seen-again', {
      'kern.log': (text) =>
        `${text}${text
          .split('\n')
          .filter((line) => line.includes('mangle:PREROUTING:policy'))
          .map((line) =>
            line.replace('mangle:PREROUTING:policy:2', 'filter:FORWARD:rule:2').replace('OUT= ', 'OUT=eth1 '),
          )
          .join('\n')}\n`,
    });
    expect(said.join()).not.toContain('routing-dropped');
  });
});
