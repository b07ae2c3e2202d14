// A window fault staged in namespaces: the capture of the firewall, replayed without its log, gives the kernel's own answers.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { runCommand } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { openKernelLog } from '../lab/kernel-log.js';
import { type Lab, openLab, whyNoLab } from '../lab/lab.js';
import { waitUntil } from '../lab/process.js';
import { type RawSegment, sendSegments } from '../lab/raw-segments.js';
import { buildRouted, pairAddresses } from '../record/scene.js';

const obstacle = whyNoLab();
if (obstacle !== null) console.warn(`live replay test skipped: ${obstacle}`);

const ENDS = pairAddresses(97);
const SPORT = 40_097;
const labs: Lab[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const lab of labs.splice(0)) lab.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Sent = { readonly from: 'client' | 'server' } & Omit<RawSegment, 'sport' | 'dport'>;

/** The server offers 500 << 2 bytes; the client sends far beyond, and the server takes it all. */
const CONVERSATION: readonly Sent[] = [
  { from: 'client', flags: 'S', seq: 1000, win: 64240, options: '020405b401030307' },
  { from: 'server', flags: 'SA', seq: 5000, ack: 1001, win: 2000, options: '020405b401030302' },
  { from: 'client', flags: 'A', seq: 1001, ack: 5001, win: 502 },
  { from: 'server', flags: 'A', seq: 5001, ack: 1001, win: 500 },
  { from: 'client', flags: 'PA', seq: 1001, ack: 5001, win: 502, size: 1000 },
  { from: 'client', flags: 'PA', seq: 9001, ack: 5001, win: 502, size: 100 },
  { from: 'server', flags: 'A', seq: 5001, ack: 9101, win: 500 },
  { from: 'client', flags: 'FA', seq: 9101, ack: 5001, win: 502 },
];

interface Packet {
  readonly verdict: string;
  readonly message: string | null;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** Whole records of a pcap of this machine's byte order. */
function countPackets(pcap: Buffer): number {
  let count = 0;
  for (let at = FILE_HEADER; at + RECORD_HEADER <= pcap.length; count += 1) {
    at += RECORD_HEADER + pcap.readUInt32LE(at + 8);
    if (at > pcap.length) break;
  }
  return count;
}

describe.skipIf(obstacle !== null)('a staged window fault', () => {
  it(
    'is told from the capture as the kernel told it in its log',
    async () => {
      const lab = openLab();
      labs.push(lab);
      const folder = mkdtempSync(join(tmpdir(), 'ctwhy-live-replay-'));
      folders.push(folder);
      const { client, firewall, server } = await buildRouted(lab, ENDS);
      await firewall.run('iptables-legacy -A FORWARD -m conntrack --ctstate NEW -j ACCEPT');
      await firewall.setSysctls({ 'netfilter.nf_conntrack_log_invalid': 6 });
      for (const host of [client, server]) await host.run('iptables-legacy -t raw -A PREROUTING -p tcp -j DROP');
      const log = openKernelLog();
      let messages: readonly string[] = [];
      const capture = firewall.start('tcpdump -i eth0 --immediate-mode -U -w - tcp');
      try {
        await waitUntil('tcpdump listens', () => capture.errors().includes('listening on'));
        for (const { from, ...segment } of CONVERSATION) {
          if (from === 'client')
            await sendSegments(client, ENDS.client, ENDS.server, [{ sport: SPORT, dport: 80, ...segment }]);
          else await sendSegments(server, ENDS.server, ENDS.client, [{ sport: 80, dport: SPORT, ...segment }]);
        }
        await waitUntil('all is captured', () => countPackets(capture.outputBytes()) >= CONVERSATION.length, 15_000);
        await capture.stop();
        messages = log
          .records((text) => text.includes(`SRC=${ENDS.client} `) || text.includes(`SRC=${ENDS.server} `))
          .filter(({ text }) => text.includes(`PT=${SPORT} `))
          .map(({ text }) => / ?(nf_ct_proto_6: .*?) IN=/.exec(text)?.[1]?.trim() ?? text);
      } finally {
        log.close();
      }
      const file = join(folder, 'firewall.pcap');
      writeFileSync(file, capture.outputBytes());
      const release = (await firewall.run('uname -r')).stdout.trim();
      expect(parseKernelVersion(release)).not.toBeNull();

      // The client leaves out bytes that the server acknowledges: nobody lost them.
      const words = ['replay', '-r', file, '--kernel', release, '--json', '--complete'];
      const { stdout, stderr } = await runCommand(words);
      expect(stderr).toBe('');
      const { packets, firstWrong } = JSON.parse(stdout) as { packets: readonly Packet[]; firstWrong: number };
      expect(packets).toHaveLength(CONVERSATION.length);
      expect(packets.flatMap(({ message }) => (message === null ? [] : [message]))).toEqual(messages);
      expect(messages.length).toBeGreaterThan(1);
      expect([firstWrong, packets[5]!.verdict]).toEqual([6, 'INVALID']);

      // Who cannot say that much cannot know: had they passed, the kernel would have believed what follows.
      const { stdout: unsure } = await runCommand(words.slice(0, -1));
      const doubted = JSON.parse(unsure) as {
        packets: readonly { verdict: string | null; possible: readonly string[] }[];
      };
      expect(doubted.packets[5]!.verdict).toBeNull();
      expect(doubted.packets[5]!.possible).toEqual(expect.arrayContaining(['ESTABLISHED', 'INVALID']));

      const { stdout: other } = await runCommand([...words, '--set', 'nf_conntrack_tcp_be_liberal=1']);
      const { whatIf } = JSON.parse(other) as { whatIf: { changed: readonly { number: number; to: Packet }[] } };
      expect(whatIf.changed.find(({ number }) => number === 6)?.to.verdict).toBe('ESTABLISHED');
    },
    patient(120_000),
  );
});
