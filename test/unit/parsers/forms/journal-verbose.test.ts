import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMessageCatalogue } from '../../../../src/catalogue/match-message.js';
import { journalVerboseForm } from '../../../../src/parsers/forms/journal-verbose.js';
import { only, readLines } from './read-lines.js';

const form = journalVerboseForm(createMessageCatalogue());
const BOOT = '0123456789abcdef0123456789abcdef';
const HEADING = `Sat 2026-11-21 16:31:06.500648 UTC [s=00ff;i=1a2b;b=${BOOT};m=5f5e101;t=6607d6a31e1a8;x=9f8e7d6c5b4a3928]`;
const DUMP =
  'IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=198.51.100.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=TCP SPT=4 DPT=443 WINDOW=0 RES=0x00 RST URGP=0 ';
const TEXT = `${HEADING}
    PRIORITY=4
    _TRANSPORT=kernel
    SYSLOG_IDENTIFIER=kernel
    _HOSTNAME=fw
    _SOURCE_MONOTONIC_TIMESTAMP=100000001
    MESSAGE=DROP INVALID ${DUMP}
${HEADING.replace('i=1a2b', 'i=1a2c')}
    _TRANSPORT=kernel
    _HOSTNAME=fw
    MESSAGE=nf_ct_proto_132: invalid vtag
             ${DUMP}`;

describe('journalctl -o verbose', () => {
  it('reads entries with the uptime, the time of receipt, boot and host', () => {
    expect(form.recognise(HEADING, { fileName: 'x', command: null })).toBe(98);
    const { records, unread, others } = readLines(form, TEXT);
    expect([unread, others]).toEqual([[], []]);
    const [first, second] = only(records, 'kernel');
    expect(first).toMatchObject({
      line: 1,
      envelope: {
        host: 'fw',
        bootId: BOOT,
        severity: 4,
        stamps: [
          { kind: 'uptime', us: 100_000_001 },
          { kind: 'epoch', us: 0x6607d6a31e1a8 },
        ],
      },
      message: { kind: 'log', prefix: 'DROP INVALID ', packet: { src: '192.0.2.1', dport: 443, flags: 'RST' } },
    });
    expect(second).toMatchObject({ line: 8, message: { kind: 'log-invalid', packet: { sport: 4 } } });
  });

  it('keeps an entry whose message was cut as unread', () => {
    const { unread } = readLines(form, `${HEADING}\n    _TRANSPORT=kernel\n    MESSAGE=DROP IN=eth0 OUT= MAC=00:\n\n`);
    expect(unread).toHaveLength(1);
  });

  it('ends at a line of something else, and never throws on a cut text', () => {
    expect(readLines(form, `${TEXT}\ntotal 12`).others).toHaveLength(1);
    fc.assert(fc.property(fc.nat(TEXT.length), (length) => void readLines(form, TEXT.slice(0, length))));
  });
});
