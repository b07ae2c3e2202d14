// Flags, rows and transitions: do the tables say what the tracker does?

import { describe, expect, it } from 'vitest';
import { parseKernelVersion } from '../../../src/catalogue/kernel-version.js';
import { isValidTcpFlags, tcpIndex, tcpWithoutEntry } from '../../../src/catalogue/tcp-flags.js';
import { TCP_STATES, TCP_TRANSITIONS, tcpTransition } from '../../../src/catalogue/tcp-states.js';

describe('flags', () => {
  it.each(['SYN', 'CWR ECE SYN', 'ACK SYN', 'ACK PSH', 'ACK PSH FIN', 'RST', 'ACK RST', 'URG ACK', 'AE ACK'])(
    '%s is valid',
    (flags) => {
      expect(isValidTcpFlags(flags)).toBe(true);
    },
  );
  it.each(['', 'FIN', 'SYN FIN', 'SYN RST', 'PSH', 'URG PSH FIN', 'RST FIN ACK'])('"%s" is not', (flags) => {
    expect(isValidTcpFlags(flags)).toBe(false);
  });
  it('finds the row: RST first, then SYN, FIN, ACK', () => {
    expect(['SYN', 'ACK SYN', 'ACK FIN', 'ACK PSH', 'ACK RST', 'PSH'].map(tcpIndex)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('a packet without an entry', () => {
  it.each([
    ['SYN', false, 'tcp-new-syn'],
    ['ACK SYN', true, 'tcp-invalid-new'],
    ['ACK FIN', true, 'tcp-invalid-new'],
    ['RST', true, 'tcp-invalid-new'],
    ['ACK PSH', true, 'tcp-new-midstream-loose'],
    ['ACK', false, 'tcp-loose-disabled'],
    ['FIN', true, 'tcp-invalid-flags'],
  ] as const)('%s, loose %s: %s', (flags, isLoose, reasonId) => {
    expect(tcpWithoutEntry(flags, isLoose).reasonId).toBe(reasonId);
  });
});

describe('the transition table', () => {
  const now = parseKernelVersion('6.18');

  it('has ten columns in every row and covers every row in every version', () => {
    for (const row of TCP_TRANSITIONS) expect(row.next).toHaveLength(TCP_STATES.length);
    for (const release of ['2.6.32', '3.2', '3.10.0', '4.4', '6.18']) {
      for (const dir of [0, 1] as const) {
        for (const index of [0, 1, 2, 3, 4, 5] as const) {
          expect(
            tcpTransition(dir, index, 'NONE', parseKernelVersion(release)),
            `${release} ${dir} ${index}`,
          ).toHaveLength(1);
        }
      }
    }
  });

  it('walks a connection from SYN to TIME_WAIT', () => {
    expect(tcpTransition(0, 0, 'NONE', now)).toEqual(['SYN_SENT']);
    expect(tcpTransition(1, 1, 'SYN_SENT', now)).toEqual(['SYN_RECV']);
    expect(tcpTransition(0, 3, 'SYN_RECV', now)).toEqual(['ESTABLISHED']);
    expect(tcpTransition(0, 2, 'ESTABLISHED', now)).toEqual(['FIN_WAIT']);
    expect(tcpTransition(1, 3, 'FIN_WAIT', now)).toEqual(['CLOSE_WAIT']);
    expect(tcpTransition(1, 2, 'CLOSE_WAIT', now)).toEqual(['LAST_ACK']);
    expect(tcpTransition(0, 3, 'LAST_ACK', now)).toEqual(['TIME_WAIT']);
  });

  it('knows what changed, and leaves it open for an unknown kernel', () => {
    expect(tcpTransition(1, 0, 'TIME_WAIT', parseKernelVersion('3.16'))).toEqual(['INVALID']);
    expect(tcpTransition(1, 0, 'TIME_WAIT', now)).toEqual(['SYN_SENT']);
    expect(tcpTransition(1, 0, 'TIME_WAIT', null)).toEqual(['SYN_SENT', 'INVALID']);
    expect(tcpTransition(0, 3, 'SYN_SENT', null)).toEqual(['INVALID']);
  });
});
