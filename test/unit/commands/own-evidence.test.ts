// What ctwhy brought about itself is left out, or said, when it explains: the journal of its changes lies beside the evidence.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change } from '../../../src/model/change.js';
import { runCommand } from '../../helpers/run-command.js';
import { patient } from '../../lab/clock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-own-'));
  mkdirSync(join(folder, 'journal'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const second = (n: number) => Date.UTC(2026, 10, 21, 11, 30, n) * 1000;

function journal(number: number, more: Partial<Change>): void {
  const change: Change = {
    ...{ schema: 'ctwhy.change/1', number, kind: 'log-invalid', what: 'log_invalid 0 -> 255' },
    ...{ command: 'log-invalid enable --proto=tcp', madeAtUs: second(0), endsAtUs: null, isStanding: false },
    ...{ hostName: 'fw', bootId: null, place: { netnsInode: null, isFirstNetns: true, label: null }, uid: 0 },
    ...{ state: 'on', acts: [], ending: null, stays: [], result: null },
    ...more,
  };
  writeFileSync(join(folder, 'journal', `C${number}.json`), JSON.stringify(change));
}

const setTo = (after: string, original = '0'): Change['acts'] => [
  {
    ...{ is: 'sysctl', name: 'net.netfilter.nf_conntrack_log_invalid', path: '', inFirstNetns: false },
    ...{ before: original, after, original },
  },
];

const line = (n: number, words: string) =>
  `2026-11-21T11:30:${String(n).padStart(2, '0')}.000000+00:00 fw kernel: ${words}`;
const ip = (proto: string, rest: string) =>
  `IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=192.0.2.9 DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${n++} DF PROTO=${proto} ${rest}`;
let n = 1;
const UDP = 'SPT=40009 DPT=53 LEN=40 ';
const tcp = (port: number, flags: string) => `SPT=${port} DPT=8080 WINDOW=502 RES=0x00 ${flags} URGP=0 `;

async function explain(lines: readonly string[], ...words: readonly string[]) {
  const path = join(folder, 'kern.log');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return await runCommand(['explain', '-r', path, ...words], {
    environment: { CTWHY_CHANGES: join(folder, 'journal') },
  });
}
const found = async (lines: readonly string[], ...words: readonly string[]) =>
  JSON.parse((await explain(lines, ...words, '--json')).stdout) as {
    readonly findings: readonly {
      readonly class: string;
      readonly cause: string | null;
      readonly confidence: string;
      readonly title: string;
      readonly flow: { readonly proto: string } | null;
    }[];
  };
const protos = async (lines: readonly string[], ...words: readonly string[]) =>
  (await found(lines, ...words)).findings.map(({ flow }) => flow?.proto).sort();

describe('log_invalid that could only be set to all', () => {
  const refused = [
    line(5, `nf_ct_proto_17: bad checksum ${ip('UDP', UDP)}`),
    line(6, `nf_ct_proto_6: bad checksum ${ip('TCP', tcp(40_010, 'ACK'))}`),
  ];

  it('leaves out what nobody asked for, and says so', async () => {
    journal(2, { acts: setTo('255'), onlyProtos: [6, 132] });
    expect(await protos(refused)).toEqual(['tcp']);
    const { stdout } = await explain(refused);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('left out: 1 packet of udp. C2 asked for tcp, sctp');
  });

  it('shows it to whoever asks for it', async () => {
    journal(2, { acts: setTo('255'), onlyProtos: [6, 132] });
    expect(await protos(refused, '-p', 'udp')).toEqual(['udp']);
  });

  it.each([
    ['another change asked for it', () => journal(3, { acts: setTo('255'), onlyProtos: [17] })],
    ['another change asked for all', () => journal(3, { acts: setTo('255') })],
    ['it was before the change', () => journal(2, { acts: setTo('255'), onlyProtos: [6, 132], madeAtUs: second(9) })],
    ['somebody had had it on', () => journal(2, { acts: setTo('255', '17'), onlyProtos: [6, 132] })],
    ['it is another host', () => journal(2, { acts: setTo('255'), onlyProtos: [6, 132], hostName: 'gw' })],
  ])('keeps it where %s', async (_, also) => {
    journal(2, { acts: setTo('255'), onlyProtos: [6, 132] });
    also();
    expect(await protos(refused)).toEqual(['tcp', 'udp']);
  });
});

describe('tracking that ctwhy began', () => {
  const tag = (at: number, port: number, flags: string, state = 'NEW', prefix = 'ctwhy:C4') =>
    line(at, `${prefix}:${state} ${ip('TCP', tcp(port, flags))}`);
  const began = (more: Partial<Change> = {}) =>
    journal(4, {
      ...{ kind: 'tag', what: 'tag NEW', command: 'tag add --dport=8080 --allow=start-tracking' },
      ...{ place: { netnsInode: 4026532999, isFirstNetns: false, label: 'demo' }, startedTracking: true },
      ...more,
    });

  it('is why a packet is NEW in the middle of a connection, and nothing else is concluded', async () => {
    began();
    const { findings } = await found([tag(5, 40_020, 'ACK')]);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ class: 'normal', cause: 'tracking-began-by-ctwhy', confidence: 'likely' });
    expect(findings[0]!.title).toContain('because tracking began by ctwhy');
    const { stdout } = await explain([tag(5, 40_020, 'ACK')], '1');
    expect(stdout).toContain('C4');
    expect(stdout).toMatch(/11:30:00\.000 +C4 of ctwhy: tag NEW; tracking began +changes C4\n/);
  });

  it(
    'is said by whoever shows the packets',
    async () => {
      began();
      const path = join(folder, 'kern.log');
      const said = async (words: string, lines: readonly string[]) => {
        writeFileSync(path, `${lines.join('\n')}\n`);
        const environment = { CTWHY_CHANGES: join(folder, 'journal') };
        return (await runCommand([...words.split(' '), '-r', path], { environment })).stdout.replaceAll(/\s+/g, ' ');
      };
      for (const words of ['path 1', 'timeline 1', 'replay 1', 'timeline 1 --json']) {
        expect(await said(words, [tag(5, 40_020, 'ACK')])).toContain('Connection tracking began with C4 of ctwhy');
        expect(await said(words, [tag(5, 40_021, 'SYN')])).not.toContain('tracking began');
      }
    },
    patient(120_000),
  );

  it('is less sure later: a connection may have opened unseen since', async () => {
    began({ madeAtUs: second(5) - 61_000_000 });
    const { findings } = await found([tag(5, 40_020, 'ACK')]);
    expect(findings[0]).toMatchObject({ cause: 'tracking-began-by-ctwhy', confidence: 'possible' });
  });

  it.each([
    ['opened since', () => began(), [tag(5, 40_021, 'SYN'), tag(6, 40_021, 'ACK')]],
    ['seen before it', () => began({ madeAtUs: second(9) }), [tag(5, 40_021, 'ACK')]],
    ['of another namespace', () => began(), [tag(5, 40_021, 'ACK', 'NEW', 'FW')]],
    [
      'tagged without starting anything',
      () => journal(4, { kind: 'tag', place: { netnsInode: 1, isFirstNetns: true, label: null } }),
      [tag(5, 40_021, 'ACK')],
    ],
  ])('is not why a packet is %s', async (_, prepare, lines) => {
    prepare();
    const { findings } = await found(lines);
    expect(findings.map(({ cause }) => cause)).not.toContain('tracking-began-by-ctwhy');
  });
});
