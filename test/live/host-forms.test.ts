// The same packets, sockets, addresses and routes, shown by different tools of this machine, come out of our forms as the same facts.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CapturedPacket } from '../../src/model/capture.js';
import type { HostFact } from '../../src/model/host-fact.js';
import type { Socket } from '../../src/model/socket.js';
import type { Form } from '../../src/parsers/form.js';
import { ipForm } from '../../src/parsers/forms/ip.js';
import { netstatForm } from '../../src/parsers/forms/netstat.js';
import { nftTraceForm } from '../../src/parsers/forms/nft-trace.js';
import { nstatForm } from '../../src/parsers/forms/nstat.js';
import { pcapForm } from '../../src/parsers/forms/pcap.js';
import { ssForm } from '../../src/parsers/forms/ss.js';
import { tcpdumpTextForm } from '../../src/parsers/forms/tcpdump-text.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { waitUntil } from '../lab/process.js';
import { only, readLines } from '../unit/parsers/forms/read-lines.js';

function whyNoTools(): string | null {
  try {
    for (const tool of ['tcpdump', 'nft', 'ss', 'netstat', 'python3', 'nstat'])
      execFileSync('which', [tool], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs tcpdump, nft, ss, netstat, nstat and python3';
  }
}

const obstacle = whyNoLab() ?? whyNoTools();
if (obstacle !== null) console.warn(`host form tests skipped: ${obstacle}`);

const RULES = `table inet lab {
  chain watch {
    type filter hook prerouting priority -300
    tcp dport 8080 meta nftrace set 1 log prefix "lab " group 5
  }
}`;
const SERVE = `python3 -c "
import socket, time
s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('192.0.2.2', 8080)); s.listen(); print('ready', flush=True)
c, _ = s.accept(); c.recv(9); c.sendall(b'answer'); time.sleep(60)"`;
const CONNECT = `python3 -c "
import socket, time
s = socket.create_connection(('192.0.2.2', 8080)); s.sendall(b'question!'); print(s.recv(9), flush=True); time.sleep(60)"`;

let lab: Lab;
let server: LabHost;
let folder: string;
const texts = new Map<string, string>();

function read(form: Form, name: string) {
  const result = readLines(form, texts.get(name)!);
  expect([name, result.unread, result.others]).toEqual([name, [], []]);
  return result.records;
}

function captureFile(name: string): readonly CapturedPacket[] {
  const packets: CapturedPacket[] = [];
  const reader = pcapForm.open((record) => record.kind === 'captured-packet' && packets.push(record.captured), {
    fileName: name,
    command: null,
  });
  expect(reader.bytes(readFileSync(join(folder, name)))).toEqual([]);
  expect(reader.end()).toEqual([]);
  return packets;
}

const toServer = ({ packet }: CapturedPacket): boolean => packet.dport === 8080;
/** What every one of the sources tells of a TCP packet. */
const shown = ({ packet, payloadBytes }: CapturedPacket) => ({
  src: packet.src,
  sport: packet.sport,
  flags: packet.flags,
  window: packet.window,
  tcpOptions: packet.tcpOptions,
  payloadBytes,
  ack: packet.flags === 'SYN' ? null : packet.ack,
});

describe.skipIf(obstacle !== null)('one connection seen by many tools', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-host-forms-'));
    lab = openLab();
    server = await lab.addHost('server');
    const client = await lab.addHost('client');
    await lab.wire(
      { host: server, interface: 'eth0', addresses: ['192.0.2.2/24', '2001:db8:1::2/64'] },
      { host: client, interface: 'eth0', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] },
    );
    await server.run('ip route add 198.51.100.0/24 nexthop via 192.0.2.1 weight 1 nexthop via 192.0.2.3 weight 2');
    await server.run('ip route add blackhole 203.0.113.0/24');
    await server.run('ip rule add from 192.0.2.2 fwmark 0x1/0xff lookup 100 priority 100');
    await server.run(`nft '${RULES}'`);
    // Groups and devices are written to a file by one, and to a pipe by the others.
    const captures = [
      server.start(`tcpdump --immediate-mode -U -i nflog:5 -w ${join(folder, 'nflog.pcap')} -Z root`),
      server.start(`tcpdump --immediate-mode -U -i eth0 -w ${join(folder, 'wire.pcap')} -Z root tcp port 8080`),
      server.start(`tcpdump --immediate-mode -U -i any -w ${join(folder, 'any.pcap')} -Z root tcp port 8080`),
    ];
    const printed = {
      plain: server.start('tcpdump --immediate-mode -l -n -i eth0 tcp port 8080'),
      detailed: server.start('tcpdump --immediate-mode -l -nn -vvv -e -tttt -X -i eth0 tcp port 8080'),
    };
    const trace = server.start('nft monitor trace');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const listener = server.start(SERVE);
    await waitUntil('the server listens', () => listener.output().includes('ready'), 10_000);
    const connection = client.start(CONNECT);
    await waitUntil('the answer came', () => connection.output().includes('answer'), 10_000);
    await waitUntil('everything is printed', () => (printed.plain.output().match(/Flags/g) ?? []).length >= 7, 10_000);
    // The kernel keeps what it logs to a group for up to a second (net/netfilter/nfnetlink_log.c: NFULNL_TIMEOUT_DEFAULT, v6.18).
    await waitUntil('the group is written', () => statSync(join(folder, 'nflog.pcap')).size > 4 * 100, 10_000);
    for (const [name, command] of Object.entries({
      ss: 'ss -tanoei',
      'ss plain': 'ss -tan',
      netstat: 'netstat -tanoe',
      'proc tcp': 'cat /proc/net/tcp /proc/net/tcp6',
      nstat: 'nstat -azs',
      'nstat json': 'nstat -azsj',
      'addr text': 'ip addr',
      'addr json': 'ip -j addr',
      'addr pretty': 'ip -p -j addr',
      'route text': 'ip route show table all',
      'route json': 'ip -j route show table all',
      'rule text': 'ip rule',
      'rule json': 'ip -j rule',
    }))
      texts.set(name, (await server.run(command)).stdout);
    for (const capture of captures) await capture.stop('SIGINT');
    for (const [name, one] of Object.entries(printed)) texts.set(name, (await one.stop('SIGINT')).stdout);
    texts.set('trace', (await trace.stop('SIGINT')).stdout);
  }, patient(60_000));

  afterAll(() => {
    lab?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('has the same packets in capture files, NFLOG and both kinds of text', () => {
    const wire = captureFile('wire.pcap');
    expect(wire.length).toBeGreaterThanOrEqual(7);
    expect(wire[0]!.packet.flags).toBe('SYN');
    const text = (name: string) => only(read(tcpdumpTextForm, name), 'captured-packet').map(({ captured }) => captured);
    for (const name of ['plain', 'detailed']) expect(text(name).map(shown)).toEqual(wire.map(shown));
    // Relative numbers were turned back into those of the file.
    for (const [index, { packet }] of text('plain').entries())
      if (packet.seq !== null) expect(packet.seq).toBe(wire[index]!.packet.seq);
    expect(captureFile('any.pcap').map(shown)).toEqual(wire.map(shown));
    const logged = captureFile('nflog.pcap');
    expect(logged.map(shown)).toEqual(wire.filter(toServer).map(shown));
    expect(logged.every(({ nflog }) => nflog?.prefix === 'lab ' && nflog.group === 5 && nflog.hook === 0)).toBe(true);
    expect(wire.every(({ checksum }) => checksum !== 'bad')).toBe(true);
    expect(text('detailed').every(({ checksum }) => checksum !== 'bad')).toBe(true);
  });

  it('has the same packets in the trace of nft', () => {
    const steps = only(read(nftTraceForm, 'trace'), 'trace-step').map(({ step }) => step);
    const packets = steps.filter(({ ruleKind }) => ruleKind === 'packet').map(({ packet }) => packet!);
    const wire = captureFile('wire.pcap').filter(toServer);
    expect(
      packets.map(({ src, sport, ipId, flags, window, lenBytes, ttl, isCut, unknown }) => ({
        src,
        sport,
        ipId,
        flags,
        window,
        lenBytes,
        ttl,
        isCut,
        unknown,
      })),
    ).toEqual(
      wire.map(({ packet: { src, sport, ipId, flags, window, lenBytes, ttl } }) => ({
        src,
        sport,
        ipId,
        flags,
        window,
        lenBytes,
        ttl,
        isCut: false,
        unknown: [],
      })),
    );
    // The id is made of the address of the packet in memory and of its flow (net/netfilter/nf_tables_trace.c: nft_trace_init(), v6.18):
    // the next packet of the same flow may well get the same one.
    expect(new Set(steps.map(({ traceId }) => traceId)).size).toBeLessThanOrEqual(wire.length);
    expect(steps.filter(({ ruleKind }) => ruleKind === 'policy')).toHaveLength(wire.length);
  });

  it('has the same sockets in ss, netstat and /proc', () => {
    const sockets = (form: Form, name: string): readonly Socket[] =>
      only(read(form, name), 'socket')
        .map(({ socket }) => socket)
        .sort((one, two) => one.state.localeCompare(two.state));
    const names = ({ proto, state, local, lport, peer, pport, inode }: Socket) => ({
      proto,
      state,
      local,
      lport,
      peer,
      pport,
      inode,
    });
    const inSs = sockets(ssForm, 'ss');
    expect(inSs.map(({ state }) => state)).toEqual(['ESTAB', 'LISTEN']);
    expect(inSs[0]).toMatchObject({
      local: '192.0.2.2',
      lport: 8080,
      peer: '192.0.2.1',
      info: { bytes_received: 9, bytes_sent: 6 },
    });
    expect(sockets(netstatForm, 'netstat').map(names)).toEqual(inSs.map(names));
    expect(sockets(netstatForm, 'proc tcp').map(names)).toEqual(inSs.map(names));
    expect(sockets(ssForm, 'ss plain').map(({ state, pport }) => [state, pport])).toEqual(
      inSs.map(({ state, pport }) => [state, pport]),
    );
  });

  it('has the same addresses, routes, rules and counters in text and JSON', () => {
    const facts = (name: string): readonly HostFact[] => only(read(ipForm, name), 'host-fact').map(({ fact }) => fact);
    const keys = (fact: HostFact, ...wanted: readonly string[]) => [
      fact.kind,
      ...wanted.map((key) => fact.data[key] ?? null),
    ];
    const address = (fact: HostFact) =>
      keys(fact, 'ifname', 'local', 'prefixlen', 'scope', 'operstate', 'mtu', 'address');
    expect(facts('addr text').map(address)).toEqual(facts('addr json').map(address));
    expect(facts('addr pretty')).toEqual(facts('addr json'));
    const route = (fact: HostFact) =>
      keys(fact, 'type', 'dst', 'gateway', 'dev', 'table', 'protocol', 'scope', 'prefsrc', 'metric');
    expect(facts('route text').map(route)).toEqual(facts('route json').map(route));
    const hops = (name: string) =>
      facts(name).flatMap(({ data }) => (Array.isArray(data['nexthops']) ? [data['nexthops'].length] : []));
    expect([hops('route text'), hops('route json')]).toEqual([[2], [2]]);
    expect(facts('rule text')).toEqual(facts('rule json'));
    const counters = (name: string) =>
      only(read(nstatForm, name), 'counter').map(({ name: key, value }) => [key, value]);
    // The JSON is read a moment later; only counters of what goes on right now may have moved.
    expect(counters('nstat').map(([key]) => key)).toEqual(counters('nstat json').map(([key]) => key));
    expect(counters('nstat').length).toBeGreaterThan(200);
  });
});
