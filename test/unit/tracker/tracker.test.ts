import { describe, expect, it } from 'vitest';
import { parseKernelVersion } from '../../../src/catalogue/kernel-version.js';
import { type KeptOutcome, keepOutcome } from '../../../src/tracker/outcome.js';
import {
  type IcmpPacket,
  type TcpPacket,
  tcpFlagBits,
  tcpFlagWords,
  type UdpPacket,
} from '../../../src/tracker/packet.js';
import { settleRules } from '../../../src/tracker/rules.js';
import { tcpOptionBytes } from '../../../src/tracker/tcp-options.js';
import { createTracker, type Tracker } from '../../../src/tracker/tracker.js';

const CLIENT = '203.0.113.7';
const SERVER = '198.51.100.1';

type Change = Partial<Omit<TcpPacket, 'proto' | 'flags'>>;

function tcp(from: 'client' | 'server', flags: string, seq: number, ack: number, change: Change = {}): TcpPacket {
  const ends =
    from === 'client'
      ? { src: CLIENT, dst: SERVER, sport: 40_000, dport: 80 }
      : { src: SERVER, dst: CLIENT, sport: 80, dport: 40_000 };
  const rest = { proto: 'tcp', atMs: 0, zone: 0, fault: null, window: 1000, payload: 0, options: null } as const;
  return { ...rest, ...ends, seq, ack, flags: tcpFlagBits(flags), ...change };
}

function trackerOf(release: string, sysctls: Readonly<Record<string, number>> = {}): Tracker {
  return createTracker({ kernel: parseKernelVersion(release)!, sysctls });
}

/** Client 1000, server 5000, no options, windows of 1000. */
function open(tracker: Tracker): void {
  for (const packet of [
    tcp('client', 'SYN', 999, 0),
    tcp('server', 'SYN ACK', 4999, 1000),
    tcp('client', 'ACK', 1000, 5000),
  ]) {
    tracker.track(packet);
  }
}

function judge(release: string, packet: TcpPacket, sysctls: Readonly<Record<string, number>> = {}): KeptOutcome {
  const tracker = trackerOf(release, sysctls);
  open(tracker);
  return keepOutcome(tracker.track(packet));
}

describe('the arithmetic of the window', () => {
  it('names check, bound and distance of data beyond the window', () => {
    const out = judge('6.18', tcp('client', 'ACK', 8000, 5000, { payload: 10 }));
    expect(out).toMatchObject({
      verdict: 'INVALID',
      reasonId: 'tcp-seq-over-upper-bound',
      message: 'nf_ct_proto_6: SEQ is over upper bound 2001 (over the window of the receiver)',
      stateBefore: 'ESTABLISHED',
      stateAfter: 'ESTABLISHED',
      timeoutMs: null,
      check: { isRun: true, failed: 'I', byBytes: 6000, upperSeq: 2001, lowerSeq: 4_294_967_295 },
    });
  });

  it('prints the words of each age', () => {
    const packet = tcp('client', 'ACK', 8000, 5000);
    expect(judge('4.14', packet).message).toBe(
      'nf_ct_tcp: SEQ is over the upper bound (over the window of the receiver)',
    );
    expect(judge('6.0', packet).message).toBe(
      'nf_ct_proto_6: SEQ is over the upper bound (over the window of the receiver)',
    );
  });

  it('lets a late ACK pass since 6.1 only', () => {
    const packet = tcp('client', 'ACK', 1000, 5000 - 70_000);
    expect(judge('6.0', packet)).toMatchObject({ verdict: 'INVALID', isIgnored: false, check: { failed: 'IV' } });
    expect(judge('6.1', packet)).toMatchObject({ verdict: 'ESTABLISHED', isIgnored: true, check: { failed: 'IV' } });
  });

  it('forgives everything when it is told to be liberal, and says so', () => {
    const out = judge('6.18', tcp('client', 'ACK', 8000, 5000), { nf_conntrack_tcp_be_liberal: 1 });
    expect(out).toMatchObject({ verdict: 'ESTABLISHED', message: null, check: { failed: 'I', isForgiven: true } });
  });

  it('counts a small overshoot and remembers the data', () => {
    const out = judge('6.18', tcp('client', 'ACK', 2001, 5000, { payload: 500 }));
    expect(out).toMatchObject({ isIgnored: true, message: 'nf_ct_proto_6: 502 bytes more than expected' });
    expect(out.sides?.[0].end).toBe(2501);
  });

  it('looked at the ACK only when a segment was empty, until 3.2', () => {
    const packet = tcp('client', 'ACK', 900_000, 5000);
    expect(judge('3.2', packet).verdict).toBe('ESTABLISHED');
    expect(judge('3.10', packet).verdict).toBe('INVALID');
  });

  it('takes the scale from both handshakes or from none', () => {
    const options = tcpOptionBytes('020405b401030307');
    const tracker = trackerOf('6.18');
    tracker.track(tcp('client', 'SYN', 999, 0, { options }));
    const first = keepOutcome(tracker.track(tcp('server', 'SYN ACK', 4999, 1000, { options })));
    expect(first.sides?.map((side) => side.scale)).toEqual([7, 7]);
    tracker.track(tcp('client', 'SYN', 500_000, 0));
    const alone = createTracker({ kernel: parseKernelVersion('6.18')!, sysctls: {} });
    alone.track(tcp('client', 'SYN', 999, 0, { options }));
    const second = keepOutcome(alone.track(tcp('server', 'SYN ACK', 4999, 1000)));
    expect(second.sides?.map((side) => side.scale)).toEqual([0, 0]);
  });
});

describe('RST', () => {
  it('must be exact on an assured entry since 5.1; before, the window was enough', () => {
    const packet = tcp('client', 'RST', 1100, 0);
    expect(judge('5.0', packet)).toMatchObject({ stateAfter: 'CLOSE', timeoutRule: 'state' });
    expect(judge('5.10', packet)).toMatchObject({ stateAfter: 'ESTABLISHED', timeoutMs: 10_000, timeoutRule: 'rst' });
    expect(judge('7.3', packet)).toMatchObject({ stateAfter: 'ESTABLISHED', timeoutMs: 300_000 });
  });

  it('behind the highest ACK is refused unless a sysctl says otherwise', () => {
    const packet = tcp('client', 'RST', 500, 0);
    expect(judge('6.18', packet)).toMatchObject({ verdict: 'INVALID', message: 'nf_ct_proto_6: invalid rst' });
    const forgiving = { nf_conntrack_tcp_ignore_invalid_rst: 1 };
    expect(judge('6.18', packet, forgiving).reasonId).not.toBe('tcp-invalid-rst');
  });

  it('as the only answer removes the entry', () => {
    const tracker = trackerOf('6.18');
    tracker.track(tcp('client', 'SYN', 999, 0));
    expect(tracker.size).toBe(1);
    expect(tracker.track(tcp('server', 'RST ACK', 0, 1000))).toMatchObject({ verdict: 'ESTABLISHED', isClosed: true });
    expect(tracker.size).toBe(0);
  });
});

describe('entries', () => {
  it('run out when they are looked up too late', () => {
    const tracker = trackerOf('6.18', { nf_conntrack_tcp_timeout_established: 600 });
    open(tracker);
    expect(tracker.track(tcp('client', 'ACK', 1000, 5000, { atMs: 599_000 })).verdict).toBe('ESTABLISHED');
    expect(tracker.track(tcp('server', 'FIN ACK', 5000, 1000, { atMs: 1_199_001 }))).toMatchObject({
      verdict: 'INVALID',
      reasonId: 'tcp-invalid-new',
      stateBefore: 'NONE',
      stateAfter: null,
    });
  });

  it('of different zones do not meet', () => {
    const tracker = trackerOf('6.18');
    open(tracker);
    expect(tracker.track(tcp('client', 'ACK', 1000, 5000, { zone: 3 })).verdict).toBe('NEW');
    expect(tracker.size).toBe(2);
  });

  it('are not kept of a packet that the rules dropped', () => {
    const tracker = trackerOf('6.18');
    expect(tracker.track(tcp('client', 'SYN', 999, 0, { isDropped: true })).verdict).toBe('NEW');
    expect(tracker.size).toBe(0);
    expect(tracker.track(tcp('server', 'SYN ACK', 4999, 1000)).verdict).toBe('INVALID');
  });

  it('are opened anew by a SYN after the close', () => {
    const tracker = trackerOf('6.18');
    open(tracker);
    tracker.track(tcp('client', 'FIN ACK', 1000, 5000));
    tracker.track(tcp('server', 'FIN ACK', 5000, 1001));
    tracker.track(tcp('client', 'ACK', 1001, 5001));
    expect(tracker.track(tcp('client', 'SYN', 70_000, 0))).toMatchObject({
      verdict: 'NEW',
      reasonId: 'tcp-new-reopen',
      isReopened: true,
      stateBefore: 'TIME_WAIT',
      stateAfter: 'SYN_SENT',
    });
  });

  it('begin in the middle only where that is allowed', () => {
    const packet = tcp('client', 'ACK', 1, 1);
    // The acknowledgement is beyond what was seen; that is forgiven, but the window is not learnt and counts as zero.
    expect(trackerOf('6.18').track(packet)).toMatchObject({
      verdict: 'NEW',
      timeoutMs: 300_000,
      timeoutRule: 'zero-window',
      check: { failed: 'III', isForgiven: true },
    });
    const patient = { nf_conntrack_tcp_timeout_max_retrans: 500_000 };
    expect(trackerOf('6.18', patient).track(packet)).toMatchObject({ timeoutMs: 300_000, timeoutRule: 'no-reply-yet' });
    expect(trackerOf('6.18', { 'net.netfilter.nf_conntrack_tcp_loose': 0 }).track(packet)).toMatchObject({
      verdict: 'INVALID',
      message: null,
      reasonId: 'tcp-loose-disabled',
    });
  });
});

describe('UDP and ICMP', () => {
  const udp = (from: 'client' | 'server', atMs: number): UdpPacket => {
    const { src, dst, sport, dport } = tcp(from, '', 0, 0);
    return { proto: 'udp', atMs, zone: 0, fault: null, src, dst, sport, dport };
  };

  it('make a stream of a flow that is two seconds old', () => {
    const tracker = trackerOf('6.18');
    tracker.track(udp('client', 0));
    tracker.track(udp('server', 10));
    expect(tracker.track(udp('client', 20))).toMatchObject({ timeoutMs: 30_000, timeoutRule: 'replied' });
    expect(tracker.track(udp('client', 2100))).toMatchObject({ timeoutMs: 120_000, timeoutRule: 'stream' });
    const old = trackerOf('4.19');
    old.track(udp('client', 0));
    old.track(udp('server', 10));
    expect(old.track(udp('client', 20))).toMatchObject({ timeoutMs: 180_000, timeoutRule: 'stream' });
  });

  it('relate an error to the flow that it quotes, when it goes to the sender', () => {
    const tracker = trackerOf('6.18');
    tracker.track(udp('client', 0));
    const quoted = { proto: 'udp', src: CLIENT, dst: SERVER, a: 40_000, b: 80 } as const;
    const error: IcmpPacket = {
      proto: 'icmp',
      atMs: 1,
      zone: 0,
      fault: null,
      src: '192.0.2.1',
      dst: CLIENT,
      type: 3,
      code: 3,
      id: 0,
      quoted,
      hopLimit: null,
    };
    expect(tracker.track(error)).toMatchObject({ verdict: 'RELATED', dir: 1 });
    expect(tracker.track({ ...error, dst: '203.0.113.99' })).toMatchObject({
      verdict: 'INVALID',
      message: `nf_ct_proto_1: outer daddr 203.0.113.99 != inner ${CLIENT}`,
    });
    expect(tracker.track({ ...error, quoted: { ...quoted, a: 1 } }).reasonId).toBe('icmp-error-no-entry');
  });

  it('leave neighbour discovery alone and know redirects since 6.2', () => {
    const discovery: IcmpPacket = {
      proto: 'icmpv6',
      atMs: 0,
      zone: 0,
      fault: null,
      src: 'fe80::1',
      dst: '2001:db8::7',
      type: 135,
      code: 0,
      id: 0,
      quoted: null,
      hopLimit: 255,
    };
    expect(trackerOf('6.18').track(discovery).verdict).toBe('UNTRACKED');
    expect(trackerOf('6.18').track({ ...discovery, type: 137 })).toMatchObject({
      verdict: 'INVALID',
      message: 'nf_ct_proto_58: redirect without options',
    });
    expect(trackerOf('5.4').track({ ...discovery, type: 137 })).toMatchObject({ verdict: 'INVALID', message: null });
  });
});

describe('settings and rules', () => {
  it('refuse what the model does not obey and what the kernel does not have', () => {
    expect(() => trackerOf('6.18', { nf_conntrack_max: 5 })).toThrow(RangeError);
    expect(() => trackerOf('6.18', { nf_conntrack_tcp_loose: 0.5 })).toThrow(/whole number/);
    expect(() => trackerOf('5.4', { nf_conntrack_tcp_ignore_invalid_rst: 1 })).toThrow(/does not exist on kernel 5.4/);
  });

  it('say what a version leaves open', () => {
    expect(settleRules(parseKernelVersion('6.18')!).open).toEqual(['ignoredSynFromOtherSide']);
    expect(trackerOf('4.18.0-553.el8.x86_64').open).toContain('exactRst');
    expect(trackerOf('4.17').open).toEqual([]);
  });
});

describe('flags', () => {
  it('are words and bits', () => {
    expect(tcpFlagWords(tcpFlagBits('FIN ACK PSH'))).toBe('ACK PSH FIN');
    expect(tcpFlagBits('')).toBe(0);
  });
});
