import { describe, expect, it } from 'vitest';
import { netstatForm } from '../../../../src/parsers/forms/netstat.js';
import { ssForm } from '../../../../src/parsers/forms/ss.js';
import { timerMs } from '../../../../src/parsers/sockets/socket-info.js';
import { only, readLines } from './read-lines.js';

const sockets = (text: string, command: string | null = null) => {
  const { records, unread, others } = readLines(ssForm, text, command);
  return { found: only(records, 'socket').map(({ socket }) => socket), unread, others };
};

describe('ss', () => {
  it('reads -tanoeimp with its second line', () => {
    const { found, unread, others } = sockets(`State      Recv-Q Send-Q Local Address:Port   Peer Address:Port Process
LISTEN     0      128          0.0.0.0:8080        0.0.0.0:*     users:(("httpd",pid=7,fd=3)) ino:9 sk:1 cgroup:/a <->
FIN-WAIT-1 0      1         192.0.2.61:47244  198.51.100.61:8080 timer:(persist,3.056ms,4) uid:1000 ino:0 sk:101a cgroup:unreachable:1 ---
\t skmem:(r0,rb131072,t0,tb87040,f0,w1280,o0,bl0,d0) ts sack cubic wscale:10,10 rto:204 backoff:4 rtt:0.105/0.061 unacked:1 retrans:0/2 send 1213bps lastsnd:3940 app_limited notsent:1 minrtt:0.011`);
    expect([unread, others]).toEqual([[], []]);
    expect(found[0]).toMatchObject({
      state: 'LISTEN',
      local: '0.0.0.0',
      lport: 8080,
      peer: null,
      pport: null,
      sendQ: 128,
      process: 'httpd pid=7',
      inode: 9,
    });
    expect(found[1]).toEqual({
      proto: 6,
      state: 'FIN-WAIT-1',
      local: '192.0.2.61',
      lport: 47244,
      peer: '198.51.100.61',
      pport: 8080,
      recvQ: 0,
      sendQ: 1,
      timer: 'persist',
      timerMs: 3056,
      retrans: 4,
      uid: 1000,
      inode: null,
      process: null,
      info: {
        sk: '101a',
        cgroup: 'unreachable:1',
        shutdown: '---',
        skmem: 'r0,rb131072,t0,tb87040,f0,w1280,o0,bl0,d0',
        ts: 1,
        sack: 1,
        congestion: 'cubic',
        wscale: '10,10',
        rto: 204,
        backoff: 4,
        rtt: '0.105/0.061',
        unacked: 1,
        retrans: '0/2',
        send: '1213bps',
        lastsnd: 3940,
        app_limited: 1,
        notsent: 1,
        minrtt: 0.011,
      },
    });
  });

  it('reads every way to write an address, the Netid column, and passes over sockets without one', () => {
    const { found, unread } = sockets(`Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
nl    UNCONN 0      0                  0:-860058072              *
u_str ESTAB  0      0      /run/x.sock 12345    * 12346
udp   UNCONN 0      0      127.0.0.53%lo:domain 0.0.0.0:*
raw   UNCONN 0      0      0.0.0.0%eth0:icmp    0.0.0.0:*
tcp   ESTAB  0      0      [::ffff:192.0.2.1]:80 [::ffff:192.0.2.2]:5000
tcp   ESTAB  0      0      [fe80::1]%eth0:ssh   [fe80::2]%eth0:5000
tcp   ESTAB  0      0      ::ffff:192.0.2.1:http ::ffff:192.0.2.2:5001
tcp   LISTEN 0      5      *:443                *:*`);
    expect(unread).toEqual([]);
    expect(found.map(({ proto, local, lport, peer, pport }) => [proto, local, lport, peer, pport])).toEqual([
      [17, '127.0.0.53', 53, null, null],
      [1, '0.0.0.0', null, null, null],
      [6, '192.0.2.1', 80, '192.0.2.2', 5000],
      [6, 'fe80::1', 22, 'fe80::2', 5000],
      [6, '192.0.2.1', 80, '192.0.2.2', 5001],
      [6, '*', 443, null, null],
    ]);
    expect(found[0]!.info).toEqual({ device: 'lo' });
  });

  it('joins rows that were wrapped, without any heading', () => {
    const { found, others } = sockets(`tcp   ESTAB      0      0      192.0.2.1:ssh
198.51.100.7:52344   timer:(keepalive,119min,0) users:(("sshd: a b",pid=12,fd=4),("sshd",pid=13,fd=4))
cubic wscale:7,7 rto:204
and then some words of the mail`);
    expect(others).toEqual([4]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      lport: 22,
      peer: '198.51.100.7',
      pport: 52344,
      timer: 'keepalive',
      timerMs: 7_140_000,
      process: 'sshd: a b pid=12, sshd pid=13',
      info: { rto: 204 },
    });
  });

  it('takes protocol and state from the command where the listing has no column for them', () => {
    const text =
      'Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n0      1      192.0.2.1:80       192.0.2.2:5000';
    expect(sockets(text, 'ss -tn state fin-wait-1').found[0]).toMatchObject({
      proto: 6,
      state: 'FIN-WAIT-1',
      sendQ: 1,
    });
    expect(sockets(text, null)).toMatchObject({ found: [], unread: [{ line: 2 }] });
    expect(sockets('UNCONN 0 0 0.0.0.0:68 0.0.0.0:*', 'ss -uan').found[0]!.proto).toBe(17);
  });

  it.each([
    ['1.234ms', 1234],
    ['009ms', 9],
    ['12sec', 12_000],
    ['1min5sec', 65_000],
    ['119min', 7_140_000],
    ['1.2sec', 1200],
    ['', 0],
    ['soon', null],
  ])('a timer of %s has %s ms left', (text, ms) => {
    expect(timerMs(text)).toBe(ms);
  });
});

describe('netstat', () => {
  const read = (text: string, fileName = 'netstat.txt') => readLines(netstatForm, text, null, fileName);

  it('reads sockets with every column or few', () => {
    const { records, unread, others } = read(`Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       User       Inode      PID/Program name     Timer
tcp        0      1 192.0.2.2:8080          192.0.2.1:46712         FIN_WAIT1   33         153427     1001/python3 -m x    probe (7.66/0/4)
tcp6       0      0 :::22                   :::*                    LISTEN      0          9          -                    off (0.00/0/0)
udp        0      0 0.0.0.0:68              0.0.0.0:*                           100        10         12/dhclient
tcp        0      0 192.0.2.2:22            192.0.2.1:50000         TIME_WAIT   -
Active UNIX domain sockets (w/o servers)
unix  2      [ ]         DGRAM                    12345    /run/x`);
    expect([unread, others]).toEqual([[], []]);
    const found = only(records, 'socket').map(({ socket }) => socket);
    expect(found[0]).toMatchObject({
      state: 'FIN-WAIT-1',
      sendQ: 1,
      uid: 33,
      inode: 153427,
      process: 'python3 -m x pid=1001',
      timer: 'persist',
      timerMs: 7660,
      retrans: 0,
    });
    expect(found[1]).toMatchObject({
      proto: 6,
      state: 'LISTEN',
      local: '::',
      lport: 22,
      peer: null,
      timer: null,
      timerMs: null,
    });
    expect(found[2]).toMatchObject({ proto: 17, state: 'UNCONN', lport: 68, uid: 100, process: 'dhclient pid=12' });
    expect(found[3]).toMatchObject({ state: 'TIME-WAIT', process: null });
  });

  it('reads /proc/net/tcp, tcp6 and udp', () => {
    const { records, unread, others } =
      read(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 020200C0:B678 04 00000001:00000002 04:00000131 00000003  1000        0 153426 1 0000000000000000 100 0 0 10 0
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1 0
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  12: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 10 2 0000000000000000 0`);
    expect([unread, others]).toEqual([[], []]);
    const found = only(records, 'socket').map(({ socket }) => socket);
    expect(found[0]).toMatchObject({
      state: 'FIN-WAIT-1',
      local: '127.0.0.1',
      lport: 8080,
      peer: '192.0.2.2',
      pport: 46712,
      sendQ: 1,
      recvQ: 2,
      timer: 'persist',
      timerMs: 3050,
      retrans: 3,
      uid: 1000,
      inode: 153426,
    });
    expect(found[1]).toMatchObject({ state: 'LISTEN', local: '2001:db8::1', lport: 22, peer: null });
    expect(found[2]).toMatchObject({ proto: 17, state: 'UNCONN', lport: 68 });
  });

  it('reads the sentences of -s as the counters that nstat names', () => {
    const { records, unread, others } = read(`Ip:
    Forwarding: 2
    12 dropped because of missing route
Icmp:
    ICMP input histogram:
        destination unreachable: 3
    ICMP output histogram:
        destination unreachable: 4
    5 ICMP messages sent
Tcp:
    6 segments retransmitted
TcpExt:
    7 times the listen queue of a socket overflowed
    TCPSynRetrans: 8
    a sentence that no version has: 9 times
IpExt:
    InNoRoutes: 10`);
    expect(others).toEqual([]);
    expect(unread.map(({ line }) => line)).toEqual([15]);
    expect(Object.fromEntries(only(records, 'counter').map(({ name, value }) => [name, value]))).toEqual({
      IpForwarding: 2,
      IpOutNoRoutes: 12,
      IcmpInDestUnreachs: 3,
      IcmpOutDestUnreachs: 4,
      IcmpOutMsgs: 5,
      TcpRetransSegs: 6,
      TcpExtListenOverflows: 7,
      TcpExtTCPSynRetrans: 8,
      IpExtInNoRoutes: 10,
    });
  });

  it('reads the routing table of -rn and of route -n', () => {
    const { records } = read(`Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         192.0.2.254     0.0.0.0         UG    100    0        0 eth0
192.0.2.0       0.0.0.0         255.255.255.0   U     0      0        0 eth0
203.0.113.0     -               255.255.255.0   !     0      -        0 -`);
    expect(only(records, 'host-fact').map(({ fact }) => fact.data)).toEqual([
      { dst: 'default', gateway: '192.0.2.254', dev: 'eth0', metric: 100 },
      { dst: '192.0.2.0/24', dev: 'eth0' },
      { type: 'unreachable', dst: '203.0.113.0/24', flags: ['dead'] },
    ]);
  });
});
