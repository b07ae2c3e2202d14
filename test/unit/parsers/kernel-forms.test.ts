// The forms that carry kernel messages: what they recognise, what they hand on, and what they leave to others.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EvidenceRecord } from '../../../src/model/record.js';
import type { Form, FormContext, LineOutcome } from '../../../src/parsers/form.js';
import { auditForm } from '../../../src/parsers/forms/audit.js';
import { dmesgJsonForm } from '../../../src/parsers/forms/dmesg-json.js';
import { journalExportForm } from '../../../src/parsers/forms/journal-export.js';
import { journalJsonForm } from '../../../src/parsers/forms/journal-json.js';
import { kernelLogForm } from '../../../src/parsers/forms/kernel-log.js';
import type { MessageCatalogue } from '../../../src/parsers/kernel-message.js';

const NONE: MessageCatalogue = { match: () => null };
const SOMEWHERE: FormContext = { fileName: 'paste.txt', command: null };
const FORMS: readonly Form[] = [kernelLogForm, journalJsonForm, journalExportForm, dmesgJsonForm, auditForm].map(
  (make) => make(NONE),
);

const DUMP =
  'IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=2 WINDOW=5 RES=0x00 ACK URGP=0 ';

type KernelRecord = Extract<EvidenceRecord, { kind: 'kernel' }>;

function readAll(
  form: Form,
  lines: readonly string[],
  context = SOMEWHERE,
): { readonly records: KernelRecord[]; readonly outcomes: LineOutcome['is'][] } {
  const records: KernelRecord[] = [];
  const reader = form.open((record) => {
    if (record.kind === 'kernel') records.push(record);
  }, context);
  const outcomes = lines.map((line, index) => reader.line(line, index + 1).is);
  reader.end();
  reader.end();
  return { records, outcomes };
}

describe('kernel log', () => {
  const form = kernelLogForm(NONE);

  it.each([
    `Nov 21 08:29:57 gw kernel: DROP ${DUMP}`,
    `[12345.678901] DROP ${DUMP}`,
    `DROP ${DUMP}`,
    `TRACE: raw:PREROUTING:rule:1 ${DUMP}`,
    'nf_ct_proto_6: invalid new',
    'nf_conntrack: table full, dropping packet',
    '4,1,2,-;usb 1-1: new device',
    '[    0.000000] Linux version 6.1.0',
    'Nov 21 08:29:57 gw kernel: eth0: link up',
  ])('recognises %s', (line) => {
    expect(form.recognise(line, SOMEWHERE)).toBeGreaterThanOrEqual(50);
  });

  it.each([
    '',
    'tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=198.51.100.2 sport=1 dport=2 [ASSURED] mark=0 use=1',
    '[1637483397.123456]\t    [NEW] tcp      6 120 SYN_SENT src=192.0.2.1 dst=198.51.100.2',
    '-A INPUT -j LOG --log-prefix "DROP IN=" --log-level 4',
    'trace id 0a1b2c3d inet filter input packet: iif "eth0" ip saddr 192.0.2.1',
    'PACKET: 2 0a1b2c3d IN=eth0 MACSRC=2:0:0:0:a:2 SRC=192.0.2.1 DST=192.0.2.2 LEN=40',
    ' TRACE: 2 0a1b2c3d raw:PREROUTING:rule:0x3:CONTINUE  -4 -t raw -A PREROUTING',
    'net.netfilter.nf_conntrack_max = 65536',
    '{"timestamp": "2021-11-21T08:29:57", "src_ip": "192.0.2.1"}',
    '08:29:57.123456 IP 192.0.2.1.1 > 198.51.100.2.2: Flags [S], seq 1, win 64240',
    'Nov 21 08:29:57 gw sshd[1]: Accepted publickey',
  ])('leaves to others: %s', (line) => {
    expect(form.recognise(line, SOMEWHERE)).toBeLessThan(50);
  });

  it('counts kernel lines of others, passes programs by, and takes what concerns us from them', () => {
    const { records, outcomes } = readAll(form, [
      'Nov 21 08:29:57 gw kernel: eth0: link up',
      "Nov 21 08:29:57 gw sudo[9]: root : COMMAND=/bin/grep 'IN=eth0 OUT=' /var/log/kern.log",
      `Nov 21 08:29:57 gw ulogd[77]: DROP ${DUMP}`,
      'Nov 21 08:29:57 gw systemd-journald[1]: Missed 12 kernel messages',
      'Nov 21 08:29:57 gw systemd[1]: Started a thing',
    ]);
    expect(outcomes).toEqual(['taken', 'taken', 'taken', 'taken', 'taken']);
    expect(records.map(({ message }) => message.kind)).toEqual(['other', 'other', 'log', 'notice', 'other']);
    expect(records[2]).toMatchObject({ line: 3, envelope: { isOtherProgram: true }, message: { prefix: 'DROP ' } });
  });

  it.each([
    [
      'printk repeats the time',
      ['[1.000001] nf_ct_proto_132: do_basic_checks failed. chunk num 0, type 1, len 0 flag 1', `[1.000001]  ${DUMP}`],
    ],
    [
      'journalctl indents',
      [
        'Nov 21 08:29:57 gw kernel: nf_ct_proto_132: do_basic_checks failed. chunk num 0, type 1, len 0 flag 1',
        `                            ${DUMP}`,
      ],
    ],
    ['no envelope', ['nf_ct_proto_132: do_basic_checks failed. chunk num 0, type 1, len 0 flag 1', ` ${DUMP}`]],
    ['escaped', [`5,1,1,-;nf_ct_proto_132: do_basic_checks failed. chunk num 0, type 1, len 0 flag 1\\x0a ${DUMP}`]],
  ])('joins an SCTP record over two lines: %s', (_, lines) => {
    const { records, outcomes } = readAll(form, [...lines, '[2.000000] eth0: link up']);
    expect(new Set(outcomes)).toEqual(new Set(['taken']));
    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({
      line: 1,
      message: {
        kind: 'log-invalid',
        protoName: 'sctp',
        numbers: [0, 1, 0, 1],
        packet: { src: '192.0.2.1', isCut: false },
      },
    });
  });

  it('does not join what belongs to another moment', () => {
    const { records } = readAll(form, ['[1.000001] nf_ct_proto_132: do_basic_checks failed.', `[2.000000] ${DUMP}`]);
    expect(records.map(({ message }) => message.kind)).toEqual(['log-invalid', 'log']);
  });

  it('joins lines that a mail program or a terminal wrapped', () => {
    const line = `[1.000001] DROP ${DUMP}`;
    for (const at of [40, 60, 90, line.indexOf(' LEN=')]) {
      const { records } = readAll(form, [line.slice(0, at), line.slice(at).trimStart(), `[2.000000] DROP ${DUMP}`]);
      expect(records, `wrapped at ${at}`).toHaveLength(2);
      expect(records[0]?.message).toEqual(readAll(form, [line]).records[0]?.message);
    }
  });

  it('leaves a cut line cut when another message follows', () => {
    const { records } = readAll(form, [`[1.000001] DROP ${DUMP.slice(0, 50)}`, `[2.000000] DROP ${DUMP}`]);
    expect(records.map(({ message }) => 'packet' in message && message.packet?.isCut)).toEqual([true, false]);
  });

  it('hands bare lines that are not ours to others, keeps them where the source is a kernel log, and takes kmsg continuations', () => {
    expect(readAll(form, [`DROP ${DUMP}`, 'tcp 6 10 CLOSE src=192.0.2.1']).outcomes).toEqual(['taken', 'other']);
    expect(readAll(form, ['eth0: link up'], { fileName: 'dmesg.txt', command: null }).outcomes).toEqual(['taken']);
    expect(readAll(form, ['6,1,2,-;eth0: link up', ' SUBSYSTEM=net', ' DEVICE=+pci:0000:00:03.0']).outcomes).toEqual([
      'taken',
      'taken',
      'taken',
    ]);
  });

  it('gives back as unread, with the column, what looks like netfilter and cannot be read', () => {
    const outcome = form.open(() => {}, SOMEWHERE).line('[1.000001] TRACE: filter:INP', 1);
    expect(outcome).toMatchObject({ is: 'unread', at: 28 });
  });
});

const FIELDS = {
  __CURSOR: 's=1;i=2',
  __REALTIME_TIMESTAMP: '1642033008518660',
  __MONOTONIC_TIMESTAMP: '1840867380066',
  _BOOT_ID: '00112233445566778899aabbccddeeff',
  _HOSTNAME: 'gw',
  _SOURCE_MONOTONIC_TIMESTAMP: '12345678901',
  _TRANSPORT: 'kernel',
  PRIORITY: '5',
  SYSLOG_FACILITY: '0',
  SYSLOG_IDENTIFIER: 'kernel',
  MESSAGE: `nf_ct_proto_132: do_basic_checks failed. chunk num 0, type 1, len 0 flag 1\n ${DUMP}`,
};

const ENTRY = {
  envelope: {
    stamps: [
      { kind: 'uptime', us: 12_345_678_901 },
      { kind: 'epoch', us: 1_642_033_008_518_660 },
    ],
    host: 'gw',
    bootId: '00112233445566778899aabbccddeeff',
    facility: 0,
    severity: 5,
    isOtherProgram: false,
  },
  message: { kind: 'log-invalid', protoName: 'sctp', packet: { src: '192.0.2.1', isCut: false } },
};

describe('journal json', () => {
  const form = journalJsonForm(NONE);
  const bytes = { ...FIELDS, MESSAGE: [...Buffer.from(FIELDS.MESSAGE)] };

  it.each([
    ['json', [JSON.stringify(FIELDS)]],
    ['json-sse', [`data: ${JSON.stringify(FIELDS)}`, '']],
    ['json-seq', [`\u001e${JSON.stringify(FIELDS)}`]],
    ['bytes for a message', [JSON.stringify(bytes)]],
    ['json-pretty', JSON.stringify(FIELDS, null, '\t').split('\n')],
  ])('reads %s', (_, lines) => {
    const { records, outcomes } = readAll(form, lines);
    expect(new Set(outcomes)).toEqual(new Set(['taken']));
    expect(records).toMatchObject([ENTRY]);
    expect(records[0]?.line).toBe(1);
  });

  it('recognises its lines only, and says when one is broken', () => {
    expect(form.recognise(JSON.stringify(FIELDS), SOMEWHERE)).toBeGreaterThan(90);
    expect(form.recognise('{"timestamp":"x","src_ip":"192.0.2.1"}', SOMEWHERE)).toBe(0);
    expect(form.recognise('{', { fileName: 'journal.json', command: null })).toBeGreaterThan(50);
    expect(readAll(form, [JSON.stringify(FIELDS).slice(0, 300), 'Nov 21 …']).outcomes).toEqual(['unread', 'other']);
  });

  it('passes the entries of programs by', () => {
    const { records } = readAll(form, [JSON.stringify({ ...FIELDS, _TRANSPORT: 'stdout', MESSAGE: 'hello' })]);
    expect(records).toMatchObject([{ envelope: { isOtherProgram: true }, message: { kind: 'other' } }]);
  });
});

describe('journal export', () => {
  const form = journalExportForm(NONE);
  const { MESSAGE, ...short } = FIELDS;
  const lines = Object.entries(short).map(([name, value]) => `${name}=${value}`);
  const length = String.fromCharCode(
    Buffer.byteLength(MESSAGE) & 0xff,
    Buffer.byteLength(MESSAGE) >> 8,
    0,
    0,
    0,
    0,
    0,
    0,
  );

  it.each([
    ['plain', [...lines, `MESSAGE=${MESSAGE.replace('\n', ' ')}`, '']],
    ['binary', [...lines, 'MESSAGE', ...`${length}${MESSAGE}`.split('\n'), '']],
    [
      'binary in front of other fields',
      [...lines.slice(0, 4), 'MESSAGE', ...`${length}${MESSAGE}`.split('\n'), ...lines.slice(4)],
    ],
    [
      'binary with a length that did not survive',
      [...lines, 'MESSAGE', ...`\ufffd${length.slice(1)}${MESSAGE}`.split('\n'), ''],
    ],
  ])('reads %s', (_, entry) => {
    const { records, outcomes } = readAll(form, entry);
    expect(new Set(outcomes)).toEqual(new Set(['taken']));
    expect(records).toMatchObject([ENTRY]);
  });

  it('parts entries at empty lines and ends at a line of another form', () => {
    const entry = [...lines, `MESSAGE=DROP ${DUMP}`, ''];
    const { records, outcomes } = readAll(form, [...entry, ...entry, 'something else']);
    expect(records.map(({ line }) => line)).toEqual([1, entry.length + 1]);
    expect(outcomes.at(-1)).toBe('other');
    expect(form.recognise('__CURSOR=s=1;i=2', SOMEWHERE)).toBeGreaterThan(90);
    expect(form.recognise('FOO=bar', SOMEWHERE)).toBe(0);
  });
});

describe('dmesg --json', () => {
  const form = dmesgJsonForm(NONE);
  const entries = [
    { pri: 5, time: 12_345.678901, caller: 'T1', msg: `nf_ct_proto_6: invalid new {"} ${DUMP}` },
    { fac: 'kern', pri: 'warn', time: '[    1.000001]', msg: `DROP ${DUMP}` },
    { pri: 30, time: 2, msg: 'hello' },
  ];

  it.each([
    ['as dmesg prints it', JSON.stringify({ dmesg: entries }, null, 3).split('\n')],
    ['on one line', [JSON.stringify({ dmesg: entries })]],
    ['one entry a line', entries.map((entry) => JSON.stringify(entry))],
  ])('reads %s', (_, lines) => {
    const { records, outcomes } = readAll(form, lines, { fileName: 'dmesg.json', command: null });
    expect(new Set(outcomes)).toEqual(new Set(['taken']));
    expect(records).toMatchObject([
      {
        envelope: { stamps: [{ kind: 'uptime', us: 12_345_678_901 }], severity: 5, caller: 'T1' },
        message: { kind: 'log-invalid' },
      },
      { envelope: { facility: 0, severity: 4 }, message: { kind: 'log', prefix: 'DROP ' } },
      { envelope: { stamps: [{ kind: 'uptime', us: 2_000_000 }], isOtherProgram: true }, message: { kind: 'other' } },
    ]);
  });

  it('recognises its beginning', () => {
    expect(form.recognise('{"dmesg": [', SOMEWHERE)).toBeGreaterThan(90);
    expect(form.recognise('{', { fileName: 'x', command: 'dmesg --json' })).toBeGreaterThan(50);
    expect(form.recognise('{', SOMEWHERE)).toBe(0);
  });
});

describe('audit', () => {
  const form = auditForm(NONE);

  it('reads packets of every kernel, raw and interpreted, and ruleset changes', () => {
    const { records, outcomes } = readAll(form, [
      'type=NETFILTER_PKT msg=audit(1494469680.359:16): action=1 hook=1 len=76 inif=eth0 outif=? smac=02:00:00:00:0a:02 dmac=02:00:00:00:0a:01 macproto=0x0800 saddr=192.0.2.1 daddr=198.51.100.2 ipid=31284 proto=17 sport=123 dport=58168',
      '----',
      'time->Thu Jun 20 15:49:52 2024',
      'node=gw type=NETFILTER_PKT msg=audit(06/20/2024 15:49:52.819:576) : mark=0x1f saddr=2001:db8::1 daddr=2001:db8::2 proto=tcp',
      'type=UNKNOWN[1324] msg=audit(1494469680.359:17): mark=0x0 saddr=192.0.2.1 daddr=192.0.2.2 proto=1',
      'type=NETFILTER_CFG msg=audit(1494469680.400:18): table=filter:7 family=2 entries=4 op=nft_register_rule pid=1 subj=? comm="nft"',
      'type=SYSCALL msg=audit(1494469680.400:18): arch=c000003e syscall=46',
    ]);
    expect(new Set(outcomes)).toEqual(new Set(['taken']));
    expect(records).toMatchObject([
      {
        envelope: { stamps: [{ kind: 'epoch', us: 1_494_469_680_359_000 }] },
        message: {
          kind: 'audit',
          action: 'drop',
          hook: 1,
          packet: { inIf: 'eth0', outIf: null, src: '192.0.2.1', lenBytes: 76, proto: 17, dport: 58168, isCut: false },
        },
      },
      {
        line: 4,
        envelope: { host: 'gw', stamps: [{ kind: 'wall', year: 2024, month: 6, day: 20 }] },
        message: { kind: 'audit', action: null, packet: { family: 'ip6', proto: 6, mark: 31 } },
      },
      { message: { kind: 'audit', packet: { proto: 1, mark: 0 } } },
      { message: { kind: 'notice', detail: { table: 'filter:7', entries: 4, op: 'nft_register_rule' } } },
      { message: { kind: 'other' } },
    ]);
  });

  it('gives back a packet record without a packet', () => {
    expect(readAll(form, ['type=NETFILTER_PKT msg=audit(1494469680.359:16): mark=0', 'elsewhere']).outcomes).toEqual([
      'unread',
      'other',
    ]);
  });
});

it('no form ever throws', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '"dmesg":[',
    '"MESSAGE":"',
    'MESSAGE',
    '__CURSOR=s=1',
    'type=NETFILTER_PKT msg=audit(',
    '1.0:1): ',
    DUMP,
    '[1.0] ',
    'nf_ct_proto_132: ',
    '\u0000',
    '"',
  );
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 6 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      for (const form of FORMS) {
        for (const text of lines) form.recognise(text, SOMEWHERE);
        readAll(form, lines);
      }
    }),
    { numRuns: 500 },
  );
});
