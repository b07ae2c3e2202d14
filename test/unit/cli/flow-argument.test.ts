import { describe, expect, it } from 'vitest';
import { parseAddresses, parseFlow, parsePorts } from '../../../src/cli/flow-argument.js';

describe('a pasted line names a flow', () => {
  it.each([
    [
      'LOG',
      'kernel: DROP IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.7 LEN=60 PROTO=TCP SPT=41000 DPT=443 SYN',
      [6, '192.0.2.1', 41000, '198.51.100.7', 443],
    ],
    [
      'conntrack',
      'tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=198.51.100.7 sport=41000 dport=443 src=198.51.100.7 dst=192.0.2.1 sport=443 dport=41000',
      [6, '192.0.2.1', 41000, '198.51.100.7', 443],
    ],
    [
      'ss',
      'FIN-WAIT-1 0 1 192.0.2.1:41000 198.51.100.7:443 timer:(persist,3sec,4)',
      [null, '192.0.2.1', 41000, '198.51.100.7', 443],
    ],
    [
      'ss of IPv6',
      'tcp ESTAB 0 0 [2001:db8::1]:41000 [2001:db8:0:0::7]:443',
      [6, '2001:db8::1', 41000, '2001:db8::7', 443],
    ],
    [
      'tcpdump',
      '12:00:00.000001 IP 192.0.2.1.41000 > 198.51.100.7.443: Flags [S], seq 1, length 0',
      [6, '192.0.2.1', 41000, '198.51.100.7', 443],
    ],
    ['one end', '192.0.2.1:41000', [null, '192.0.2.1', 41000, null, null]],
  ])('of %s', (_name, text, expected) => {
    const flow = parseFlow(text);
    expect(flow === null ? null : [flow.proto, flow.src, flow.sport, flow.dst, flow.dport]).toEqual(expected);
  });

  it('finds none where there is none', () => {
    expect(parseFlow('nothing here 999.1.2.3:80')).toBeNull();
  });
});

describe('addresses and ports', () => {
  it('reads prefixes and lists', () => {
    expect(parseAddresses('192.0.2.0/24,2001:db8::/32', 'src')).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    expect(parsePorts('https,1000:2000', 'dport')).toEqual([
      { from: 443, to: 443 },
      { from: 1000, to: 2000 },
    ]);
  });

  it.each(['192.0.2.300', '10.0.0.0/33', 'host.example', ''])('refuses %j with the option and the forms', (text) => {
    expect(() => parseAddresses(text, 'src')).toThrow(/--src.*192\.0\.2\.1/);
  });

  it.each(['70000', 'nosuchservice', '10:5'])('refuses port %s', (text) => {
    expect(() => parsePorts(text, 'dport')).toThrow(/--dport/);
  });
});
