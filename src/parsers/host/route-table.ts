// Rows of `route -n` and `netstat -rn`, with the key names of `ip -j route`.

import { isIPv4 } from 'node:net';
import type { HostFact } from '../../model/host-fact.js';
import { addressBytes, prefixLength } from '../../text/address-bytes.js';

export const ROUTE_TABLE_HEADING = /^Kernel IP routing table|^Destination\s+Gateway\s+Genmask\s+Flags\s/;
const ROW = /^(\S+)\s+(\S+)\s+(\d+\.\d+\.\d+\.\d+)\s+([A-Z!]+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+(\S+))?\s*$/;

/** @param hasMetric the columns behind the flags are Metric, Ref, Use (`route -n`), not MSS, Window, irtt */
export function readRouteRow(line: string, hasMetric: boolean): HostFact | null {
  const match = ROW.exec(line);
  if (match === null) return null;
  const [, destination, gateway, mask, flags, metric] = match as unknown as readonly string[];
  const bits = prefixLength(addressBytes(mask!) ?? []);
  if (bits === null || (!isIPv4(destination!) && destination !== 'default')) return null;
  const isDefault = destination === 'default' || (bits === 0 && destination === '0.0.0.0');
  const data: Record<string, unknown> = {};
  if (flags!.includes('!')) data['type'] = 'unreachable';
  data['dst'] = isDefault ? 'default' : bits === 32 ? destination : `${destination}/${bits}`;
  if (flags!.includes('G') && isIPv4(gateway!)) data['gateway'] = gateway;
  const dev = match[8] ?? match[7];
  if (dev !== undefined && dev !== '-') data['dev'] = dev;
  if (hasMetric && /^\d+$/.test(metric!) && metric !== '0') data['metric'] = Number(metric);
  if (!flags!.includes('U')) data['flags'] = ['dead'];
  return { kind: 'route', data };
}
