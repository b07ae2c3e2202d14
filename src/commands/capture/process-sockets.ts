// The connections of a process, as the filter of a capture: its sockets' own addresses and ports.

import type { PacketFilter } from '../../model/packet-filter.js';
import { ssForm } from '../../parsers/forms/ss.js';
import { readText } from '../../survey/read-text.js';
import { FailedError, UnsupportedError, UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';

/** Rules hold a set of so many ports without ado; more are no process but a machine. */
const MOST_PORTS = 64;

/**
 * The packets of all sockets that the process holds now, listening ones with whoever connects to them.
 * @throws UsageError for a process that is not here, FailedError for one without sockets
 */
export async function filterOfProcess(world: World, pid: string): Promise<PacketFilter> {
  const { host } = world;
  if (!/^[1-9]\d{0,6}$/.test(pid)) throw new UsageError(`--pid takes a process id, not '${pid}'`);
  const place = host.netnsInode(`/proc/${pid}/ns/net`);
  if (place === null) throw new UsageError(`--pid: there is no process ${pid}, or it may not be asked`);
  if (place !== host.identity().netnsInode)
    throw new UsageError(
      `--pid: process ${pid} is in another network namespace`,
      `Look there: add --netns ${pid} to the same command`,
    );
  if (host.find('ss') === null) throw new UnsupportedError('--pid needs ss (package iproute2) to find the sockets');
  const args = ['-H', '-t', '-u', '-n', '-a', '-p'];
  const listed = await host.run('ss', args, { timeoutMs: 20_000 });
  const sockets = readText(ssForm, listed.stdout, `ss ${args.join(' ')}`).flatMap((record) =>
    record.kind === 'socket' && new RegExp(`\\bpid=${pid}\\b`).test(record.socket.process ?? '') ? [record.socket] : [],
  );
  const ports = [...new Set(sockets.flatMap(({ lport }) => (lport === null ? [] : [lport])))];
  if (ports.length === 0)
    throw new FailedError(`process ${pid} holds no TCP or UDP socket now; name what it will open: --dport PORT`);
  if (ports.length > MOST_PORTS)
    throw new UsageError(`--pid: process ${pid} has ${ports.length} ports open; name one: --sport PORT`);
  const addresses = [...new Set(sockets.map(({ local }) => plain(local)))];
  const isAnywhere = addresses.some((address) => address === '0.0.0.0' || address === '::' || address === '*');
  const families = new Set(addresses.map((address) => (address.includes(':') ? 6 : 4)));
  return {
    family: !isAnywhere && families.size === 1 ? [...families][0]! : null,
    protos: [...new Set(sockets.map(({ proto }) => proto))],
    src: isAnywhere ? null : addresses,
    dst: null,
    sport: ports.sort((a, b) => a - b).map((port) => ({ from: port, to: port })),
    dport: null,
    icmpType: null,
    inIf: null,
    outIf: null,
    flags: null,
    mark: null,
    zone: null,
  };
}

/** An IPv4 connection of an IPv6 socket is IPv4 on the wire. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').split('%')[0]!;
