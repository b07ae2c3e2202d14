// The time of the last packet is told only where one life is possible.

import { describe, expect, it } from 'vitest';
import { lastPacketAtUs, type TimedEntry } from '../../../../src/analysis/snapshot/last-packet.js';

const NF = 'net.netfilter.nf_conntrack_';
const SETTINGS = new Map([
  [`${NF}tcp_timeout_established`, '432000'],
  [`${NF}tcp_timeout_fin_wait`, '120'],
  [`${NF}tcp_timeout_unacknowledged`, '300'],
  [`${NF}tcp_timeout_max_retrans`, '300'],
  [`${NF}udp_timeout`, '30'],
  [`${NF}udp_timeout_stream`, '120'],
]);
const AT = 1_795_260_000_000_000;
const entry = (more: Partial<TimedEntry>): TimedEntry => ({
  proto: 6,
  state: 'ESTABLISHED',
  status: 'ASSURED',
  timeoutS: 431_000,
  expiresAtUs: AT + 431_000e6,
  ...more,
});

describe('the last packet of an entry', () => {
  it('is its end less the life of its state', () => {
    expect(lastPacketAtUs(entry({}), SETTINGS)).toBe(AT - 1000e6);
    expect(lastPacketAtUs(entry({ state: 'FIN_WAIT', timeoutS: 100, expiresAtUs: AT + 100e6 }), SETTINGS)).toBe(
      AT - 20e6,
    );
    expect(lastPacketAtUs(entry({ proto: 17, state: null, timeoutS: 100, expiresAtUs: AT + 100e6 }), SETTINGS)).toBe(
      AT - 20e6,
    );
    expect(
      lastPacketAtUs(
        entry({ proto: 17, state: null, status: 'UNREPLIED', timeoutS: 10, expiresAtUs: AT + 10e6 }),
        SETTINGS,
      ),
    ).toBe(AT - 20e6);
  });

  it('is not told where a shorter life was possible, or a longer one was given', () => {
    expect(lastPacketAtUs(entry({ timeoutS: 299, expiresAtUs: AT + 299e6 }), SETTINGS)).toBeNull();
    expect(
      lastPacketAtUs(entry({ proto: 17, state: null, timeoutS: 25, expiresAtUs: AT + 25e6 }), SETTINGS),
    ).toBeNull();
    expect(lastPacketAtUs(entry({ timeoutS: 500_000, expiresAtUs: AT + 500_000e6 }), SETTINGS)).toBeNull();
  });

  it('is not told without settings, end or a protocol we know', () => {
    expect(lastPacketAtUs(entry({}), new Map())).toBeNull();
    expect(lastPacketAtUs(entry({ expiresAtUs: null }), SETTINGS)).toBeNull();
    expect(lastPacketAtUs(entry({ proto: 132, state: 'ESTABLISHED' }), SETTINGS)).toBeNull();
  });
});
