// Every form of our nft tables on the kernel and the nft that run here: each loads, and loads again from what nft prints of it, because
// somebody may save the ruleset while ours is in it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRate, type TagTable, tagTable, traceTable } from '../../src/changes/rules/nft-table-script.js';
import type { PacketFilter } from '../../src/model/packet-filter.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';

const why = whyNoLab();
const NUMBER = 9;
const TABLE = `inet ctwhy_${NUMBER}`;
const ANY: PacketFilter = {
  ...{ family: null, protos: null, src: null, dst: null, sport: null, dport: null },
  ...{ icmpType: null, inIf: null, outIf: null, flags: null, mark: null, zone: null },
};
const port = (from: number, to = from) => ({ from, to });
const FILTERS: Readonly<Record<string, PacketFilter>> = {
  'a port of any protocol': { ...ANY, dport: [port(25)] },
  'lists of addresses and ports': {
    ...{ ...ANY, protos: [6], src: ['192.0.2.1', '192.0.2.128/25'], dst: ['198.51.100.9'] },
    ...{ sport: [port(1024, 2000)], dport: [port(25), port(587, 590)], inIf: 'eth0', mark: 5 },
  },
  'IPv6, two protocols': { ...ANY, protos: [6, 17], src: ['2001:db8::/64'], dport: [port(25)] },
  'ICMP of a type': { ...ANY, protos: [1], src: ['192.0.2.1'], icmpType: 8 },
  'TCP flags': { ...ANY, protos: [6], dst: ['198.51.100.0/24'], flags: ['SYN', 'ECE'] },
  'a zone': { ...ANY, dst: ['198.51.100.0/24'], zone: 7 },
  'devices by their beginning': { ...ANY, dst: ['198.51.100.0/24'], outIf: 'eth+' },
};
const OPTIONS = { level: 'info', tcpSequence: true, tcpOptions: true, ipOptions: true, uid: true };
const TAG_TABLES: readonly (TagTable | null)[] = [null, 'mangle', 'filter', 'nat'];

function scriptsFor(filter: PacketFilter): readonly string[] {
  const common = { number: NUMBER, filter, rate: parseRate('20/s')! };
  const entry = { ...ANY, protos: [6], src: ['192.0.2.3'], sport: [port(40_001)] };
  return [
    traceTable({ ...common, hasTracking: true, state: null, entries: [entry] }),
    traceTable({ ...common, hasTracking: true, state: 'ct state invalid', entries: [] }),
    ...TAG_TABLES.map((table) =>
      tagTable({ ...common, states: ['NEW', 'INVALID', 'UNTRACKED'], table, options: OPTIONS }),
    ),
  ];
}

describe.skipIf(why !== null)(`own tables${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let place: LabHost;
  beforeAll(async () => {
    lab = openLab();
    place = await lab.addHost('tables');
  });
  afterAll(() => lab?.close());

  it.each(Object.keys(FILTERS))(
    'load, and load again as they are listed: %s',
    async (name) => {
      for (const script of scriptsFor(FILTERS[name]!)) {
        await place.run('nft -f -', script);
        const listed = (await place.run(`nft -s list table ${TABLE}`)).stdout;
        await place.run(`nft delete table ${TABLE}`);
        await place.run('nft -f -', listed);
        expect((await place.run(`nft -s list table ${TABLE}`)).stdout).toBe(listed);
        await place.run(`nft delete table ${TABLE}`);
      }
    },
    patient(60_000),
  );
});
