// Is the right entry found for a message as logs really carry it: cut, with extra words, odd blanks, any prefix?

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REASONS } from '../../../src/catalogue/all-reasons.js';
import { createMessageCatalogue, type MessageKind } from '../../../src/catalogue/match-message.js';

const catalogue = createMessageCatalogue();
const KINDS: readonly MessageKind[] = ['log-invalid', 'helper', 'debug', 'notice'];
const reasonOf = (text: string, kind: MessageKind = 'log-invalid'): string | undefined =>
  catalogue.match(text, kind)?.reasonId;

describe('log_invalid messages', () => {
  it.each([
    ['nf_ct_proto_6: invalid new', 'tcp-invalid-new', 'invalid new', []],
    [
      'nf_ct_proto_6: packet (index 2) in dir 1 invalid, state SYN_SENT',
      'tcp-invalid-state',
      'packet (index %u) in dir %u invalid, state SYN_SENT',
      [2, 1],
    ],
    [
      'nf_ct_proto_6: packet (index 0) in dir 0 ignored, state CLOSE',
      'tcp-packet-ignored',
      'packet (index %u) in dir %u ignored, state CLOSE',
      [0, 0],
    ],
    [
      'nf_ct_proto_6: SEQ is over upper bound 70707 (over the window of the receiver)',
      'tcp-seq-over-upper-bound',
      'SEQ is over upper bound %u (over the window of the receiver)',
      [70707],
    ],
    [
      'nf_ct_proto_132: do_basic_checks failed. chunk num 4, type 2, len 0 flag 0\n ',
      'sctp-basic-checks',
      'do_basic_checks failed. chunk num %u, type %u, len %u flag %u',
      [4, 2, 0, 0],
    ],
    [
      'nf_ct_proto_132: do_basic_checks failed. chunk num 2, type 1, len 0 flag 1#012 ',
      'sctp-basic-checks',
      'do_basic_checks failed. chunk num %u, type %u, len %u flag %u',
      [2, 1, 0, 1],
    ],
    [
      'nf_ct_proto_132: verification tag check failed ab01 vs 12345678 for dir 0',
      'sctp-vtag-check-failed',
      'verification tag check failed %x vs %x for dir %u',
      [0xab01, 0x12345678, 0],
    ],
    [
      'nf_ct_proto_1: outer daddr 192.0.2.1 != inner 198.51.100.2',
      'icmp-error-outer-daddr-mismatch',
      'outer daddr %pI4 != inner %pI4',
      [],
    ],
    ['ip_ct_icmp: bad ICMP checksum', 'icmp-bad-checksum', 'bad ICMP checksum', []],
    ['nf_ct_proto_33: nf_ct_dccp: bad checksum  ', 'dccp-bad-checksum', 'bad checksum', []],
  ] as const)('%s', (text, reasonId, message, numbers) => {
    expect(catalogue.match(text, 'log-invalid')).toMatchObject({ reasonId, message, numbers });
  });

  it('lets the protocol of the prefix decide between entries with the same words', () => {
    const prefixes = { 6: 'tcp-bad-checksum', 17: 'udp-bad-checksum', 136: 'udplite-bad-checksum' };
    for (const [number, id] of Object.entries(prefixes))
      expect(reasonOf(`nf_ct_proto_${number}: bad checksum `)).toBe(id);
    expect(reasonOf('nf_ct_udp: short packet')).toBe('udp-short-packet');
    expect(reasonOf('nf_ct_proto_17: invalid new')).toBeUndefined();
    expect(reasonOf('nf_ct_proto_99: bad checksum')).toBeUndefined();
  });

  it('accepts a text without prefix only when one entry alone has it', () => {
    expect(reasonOf('ACK is over the upper bound (ACKed data not seen yet)')).toBe('tcp-ack-over-upper-bound');
    expect(reasonOf('short packet')).toBeUndefined();
    expect(reasonOf('bad checksum')).toBeUndefined();
  });

  it("reads a vendor's extra words, other case and odd blanks", () => {
    expect(catalogue.match('nf_ct_tcp: invalid RST seq:5 td_maxack:77 ', 'log-invalid')).toMatchObject({
      reasonId: 'tcp-invalid-rst',
      message: 'invalid RST seq:%u td_maxack:%u',
      numbers: [5, 77],
      fit: 'extra',
    });
    expect(reasonOf('nf_ct_proto_6:  Invalid   TCP flag combination\t')).toBe('tcp-invalid-flags');
  });

  it('recognises a cut text when nothing else begins like it, and only then', () => {
    expect(catalogue.match('nf_ct_proto_6: SEQ is over upper bound 70', 'log-invalid')).toMatchObject({
      reasonId: 'tcp-seq-over-upper-bound',
      fit: 'cut',
    });
    expect(reasonOf('nf_ct_proto_6: packet (index 3) in dir 0 ign')).toBe('tcp-packet-ignored');
    expect(reasonOf('nf_ct_proto_6: packet (index 3) in dir')).toBeUndefined();
    expect(reasonOf('nf_ct_proto_6: SEQ is')).toBeUndefined();
    expect(reasonOf('nf_ct_proto_6: inval')).toBeUndefined();
    expect(reasonOf('nf_ct_proto_6: ')).toBeUndefined();
  });

  it('knows nothing of words that are not in the catalogue', () => {
    expect(reasonOf('nf_ct_proto_6: the moon is full')).toBeUndefined();
  });
});

describe('helpers, notices and debug lines', () => {
  it('names helper and text of a helper drop', () => {
    expect(catalogue.match("nf_ct_ftp: dropping packet: partial matching of `EPRT' ", 'helper')).toMatchObject({
      reasonId: 'helper-drop',
      message: "dropping packet: partial matching of `EPRT'",
      words: ['ftp', 'EPRT'],
    });
    expect(catalogue.match('helper sip dropping packet: wrong port 9 ', 'helper')).toMatchObject({
      message: 'dropping packet: wrong port %u',
      numbers: [9],
    });
  });

  it('takes one or two module prefixes of a full table', () => {
    for (const prefix of ['nf_conntrack: ', 'nf_conntrack: nf_conntrack: ']) {
      expect(catalogue.match(`${prefix}table full in netns 4026532301, dropping packet`, 'notice')).toMatchObject({
        reasonId: 'table-full',
        message: 'table full in netns %u, dropping packet',
        numbers: [4_026_532_301],
      });
    }
    expect(reasonOf('nf_conntrack: expectation table full', 'notice')).toBe('expectation-table-full');
    expect(reasonOf('eth0: table full', 'notice')).toBeUndefined();
  });

  it('reads through the decorations of dynamic debug', () => {
    for (const text of [
      'nf_ct_tcp: invalid new deleting.',
      'nf_conntrack:tcp_new:868: nf_ct_tcp: invalid new deleting.',
      '[1412] nf_conntrack:tcp_new: nf_ct_tcp: invalid new deleting.',
      '<intr> tcp_new: nf_ct_tcp: invalid new deleting.',
    ]) {
      expect(reasonOf(text, 'debug'), text).toBe('tcp-invalid-new');
    }
    expect(reasonOf("nf_conntrack: nf_conntrack_in: Can't track with proto module", 'debug')).toBe(
      'proto-handler-refused-debug',
    );
    expect(reasonOf("nf_conntrack: can't track with proto module", 'debug')).toBe('new-tracker-refused-debug');
  });

  it('names all entries that print the same words', () => {
    expect(catalogue.match("nf_conntrack: Can't invert tuple.", 'debug')).toMatchObject({
      reasonId: 'icmp-no-inverse-type',
      alternatives: ['icmpv6-no-inverse-type'],
    });
  });
});

describe('any text', () => {
  const kinds = fc.constantFrom(...KINDS);

  it('is matched without throwing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), kinds, (text, kind) => catalogue.match(text, kind) !== undefined),
    );
    const prefixed = fc.tuple(
      fc.constantFrom('nf_ct_proto_6: ', 'nf_ct_tcp: ', 'ip_ct_', 'nf_conntrack: ', 'helper '),
      fc.string(),
    );
    fc.assert(
      fc.property(prefixed, kinds, ([prefix, text], kind) => catalogue.match(prefix + text, kind) !== undefined),
    );
  });

  it('cut anywhere but where it is another message, a sample is its own entry or none', () => {
    const samples = REASONS.flatMap((reason) =>
      reason.formats
        .filter((format) => format.channel === 'log-invalid')
        .flatMap((format) => format.samples.map((sample) => ({ id: reason.id, sample }))),
    );
    const complete = new Set(samples.map(({ sample }) => sample.trim()));
    const wrong = samples.flatMap(({ id, sample }) => {
      const start = sample.indexOf(': ') + 2;
      return Array.from({ length: sample.length - start }, (_, cut) => sample.slice(0, start + cut))
        .filter((text) => !complete.has(text.trim()))
        .map((text) => ({ text, found: reasonOf(text) }))
        .filter(({ found }) => found !== undefined && found !== id)
        .map(({ text, found }) => `${text} -> ${found}, not ${id}`);
    });
    expect(wrong).toEqual([]);
  });
});
