// 'address:port' as ss and netstat print it, in every way they do: brackets or none, zones, '*', names of services.

import { canonicalAddress } from '../../text/address.js';
import { portNumber } from '../../text/service-ports.js';

export interface Endpoint {
  /** Canonical; '*' where any address of both families is meant. */
  readonly address: string;
  readonly port: number | null;
  /** What stands behind the colon; raw sockets have the name of their protocol there. */
  readonly portText: string;
  /** Interface the socket is bound to, or the zone of a link-local address. */
  readonly device: string | null;
  /** false: the text behind the colon is neither a port, a service nor '*'. */
  readonly isReadable: boolean;
}

/** @param text '192.0.2.1:22', '[2001:db8::1]:443', '::ffff:192.0.2.1:http', '[fe80::1]%eth0:546', '*:*', ':::22'; NULL without a colon. */
export function readEndpoint(text: string): Endpoint | null {
  const colon = text.lastIndexOf(':');
  if (colon < 0 || /\s/.test(text)) return null;
  const portText = text.slice(colon + 1);
  const before = text.slice(0, colon);
  const percent = before.indexOf('%');
  const device = percent < 0 ? null : before.slice(percent + 1).replace(/\]$/, '');
  const bare = (percent < 0 ? before : before.slice(0, percent)).replace(/^\[|\]$/g, '');
  // netstat prints the unspecified address and its colon as ':::22'.
  const address = bare === '' ? '*' : canonicalAddress(bare);
  const port = portText === '*' ? null : portNumber(portText);
  return { address, port, portText, device, isReadable: portText === '*' || port !== null };
}

/** Whether an endpoint stands for nobody: the peer of a listening socket. */
export function isNobody({ address, port }: Endpoint): boolean {
  return port === null && (address === '*' || address === '0.0.0.0' || address === '::');
}
