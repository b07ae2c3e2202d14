// A connection through masquerading, captured on one of the firewall's two interfaces, with and without an nft trace and the events of it:
// whatever of these is read, the healthy connection has no packet that the tracker would have refused.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../helpers/run-command.js';
import { delay, patient } from '../lab/clock.js';
import { type Lab, openLab, whyNoLab } from '../lab/lab.js';
import { listensToNetlinkGroup, waitUntil } from '../lab/process.js';
import { buildRouted, connectAndIdle, pairAddresses, serve } from '../record/scene.js';

const obstacle = whyNoLab();
if (obstacle !== null) console.warn(`live replay test with address translation skipped: ${obstacle}`);

const ENDS = pairAddresses(99);
const SPORT = 40_099;
const RULES = `table inet fw {
  chain trace { type filter hook prerouting priority raw; meta l4proto tcp meta nftrace set 1; }
  chain forward { type filter hook forward priority filter; ct state invalid drop; accept; }
  chain srcnat { type nat hook postrouting priority srcnat; oifname "eth1" masquerade; }
}`;

const labs: Lab[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const lab of labs.splice(0)) lab.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Packet {
  readonly number: number;
  readonly verdict: string | null;
  readonly agreement: string | null;
}

describe.skipIf(obstacle !== null)('replay of a connection through masquerading', () => {
  it(
    'sees no INVALID where there was none, from any mixture of capture, trace and events',
    async () => {
      const lab = openLab();
      labs.push(lab);
      const folder = mkdtempSync(join(tmpdir(), 'ctwhy-replay-nat-'));
      folders.push(folder);
      const { client, firewall, server } = await buildRouted(lab, ENDS);
      await firewall.run('nft -f -', RULES);
      await serve(server, 80);
      const inside = firewall.start('tcpdump -i eth0 --immediate-mode -U -w - tcp');
      const outside = firewall.start('tcpdump -i eth1 --immediate-mode -U -w - tcp');
      for (const one of [inside, outside])
        await waitUntil('tcpdump listens', () => one.errors().includes('listening on'));
      const trace = firewall.start('nft monitor trace');
      const events = firewall.start('conntrack -E -o timestamp,extended,id');
      for (const one of [trace, events]) await waitUntil('it listens', () => listensToNetlinkGroup(one.pid));
      const connection = await connectAndIdle(client, ENDS.server, 80, SPORT);
      connection.hangUp();
      await connection.stop();
      await waitUntil('the end is seen', () => /FIN_WAIT|TIME_WAIT|CLOSE/.test(events.output()), 15_000);
      await delay(patient(1000));
      for (const one of [inside, outside, trace, events]) await one.stop();
      const file = (name: string, content: Buffer | string): string => {
        const path = join(folder, name);
        writeFileSync(path, content);
        return path;
      };
      const files = {
        inside: file('inside.pcap', inside.outputBytes()),
        outside: file('outside.pcap', outside.outputBytes()),
        trace: file('nft-trace.txt', trace.output()),
        events: file('conntrack-E.txt', events.output()),
        rules: file('nft.txt', (await firewall.run('nft -a list ruleset')).stdout),
      };
      expect(trace.output()).toContain('trace id');
      const release = (await firewall.run('uname -r')).stdout.trim();
      const counts = new Map<string, number>();
      for (const mixture of [
        ['inside'],
        ['inside', 'trace'],
        ['inside', 'events'],
        ['inside', 'trace', 'events'],
        ['outside', 'trace', 'events'],
        ['inside', 'outside', 'trace', 'events', 'rules'],
        ['trace', 'events'],
      ] as const) {
        const where = mixture.join(' + ');
        const words = mixture.flatMap((name) => ['-r', files[name]]);
        const flow = mixture[0] === 'outside' ? '198.51.100.1' : ENDS.client;
        const { stdout, stderr } = await runCommand([
          ...['replay', ...words, '--kernel', release, '--flow', `${flow}:${SPORT}`, '--json'],
        ]);
        expect(stderr, where).toBe('');
        const { packets } = JSON.parse(stdout) as { packets: readonly Packet[] };
        const wrong = packets.filter(({ verdict, agreement }) => verdict === 'INVALID' || agreement === 'disagrees');
        expect(wrong, `${where}\n${stdout.slice(0, 6000)}`).toEqual([]);
        counts.set(where, packets.length);
      }
      // A trace beside a capture shows the packets that the capture shows.
      expect(counts.get('inside + trace + events')).toBe(counts.get('inside'));
    },
    patient(240_000),
  );
});
