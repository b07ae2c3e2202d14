// A sequence of packets as it is kept in a file, and what each of them is to the model.

import { ICMPV6_REDIRECT } from '../../src/catalogue/icmp-types.js';
import { type HeaderFault, type QuotedTuple, type TrackedPacket, tcpFlagBits } from '../../src/tracker/packet.js';
import { tcpOptionBytes } from '../../src/tracker/tcp-options.js';

export type Side = 'client' | 'server';

interface AnyStep {
  /** Milliseconds after the step before. */
  readonly waitMs: number;
  /** Through which interface it comes in. */
  readonly from: Side;
}

export interface TcpStep extends AnyStep {
  readonly kind: 'tcp';
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly payload: number;
  /** Hex, a multiple of four bytes. */
  readonly options: string;
  readonly fault?: HeaderFault;
}

export interface UdpStep extends AnyStep {
  readonly kind: 'udp';
  readonly fault?: HeaderFault;
}

export interface QueryStep extends AnyStep {
  readonly kind: 'query';
  readonly type: number;
  readonly code: number;
  readonly fault?: HeaderFault;
}

/** An ICMP error about the flow of the sequence. */
export interface ErrorStep extends AnyStep {
  readonly kind: 'error';
  readonly type: number;
  readonly code: number;
  /** Who had sent the quoted packet. */
  readonly quotes: Side;
  /** Bytes of the quoted transport header. */
  readonly quotedBytes: number;
  /** Addressed to another host than the sender of the quoted packet. */
  readonly isAstray: boolean;
  /** A redirect that has passed a router. */
  readonly isFromAfar?: boolean;
}

export type Step = TcpStep | UdpStep | QueryStep | ErrorStep;

export interface Sequence {
  readonly family: 4 | 6;
  readonly proto: 'tcp' | 'udp' | 'icmp';
  readonly steps: readonly Step[];
}

/** Where a sequence takes place: its addresses and ports; the port is the id of ICMP queries. */
export interface Place {
  readonly client: string;
  readonly server: string;
  /** Another host on each side. */
  readonly otherClient: string;
  readonly otherServer: string;
  readonly port: number;
}

export const SERVER_PORT = 80;

/** The n-th place: a client address and a port of its own. */
export function placeOf(family: 4 | 6, batch: number, n: number): Place {
  const host = 1 + (batch % 120);
  const port = 1024 + n;
  if (family === 4) {
    return {
      client: `203.0.113.${host}`,
      server: '203.0.113.129',
      otherClient: '203.0.113.126',
      otherServer: '203.0.113.254',
      port,
    };
  }
  return {
    client: `2001:db8:c::${host.toString(16)}`,
    server: '2001:db8:d::1',
    otherClient: '2001:db8:c::ffff',
    otherServer: '2001:db8:d::ffff',
    port,
  };
}

/** A redirect is an error of IPv6 only when it quotes a packet; as a query it is too short. */
export function isRedirect(step: Step): boolean {
  return (step.kind === 'error' || step.kind === 'query') && step.type === ICMPV6_REDIRECT;
}

/** Redirects are believed from a neighbour only. */
export function hopLimitOf(step: Step): number {
  return step.kind === 'error' && isRedirect(step) && step.isFromAfar !== true ? 255 : 64;
}

export function addressesOf(step: Step, place: Place): { readonly src: string; readonly dst: string } {
  const isClient = step.from === 'client';
  if (step.kind !== 'error') {
    return isClient ? { src: place.client, dst: place.server } : { src: place.server, dst: place.client };
  }
  const quotedSender = step.quotes === 'client' ? place.client : place.server;
  const astray = step.quotes === 'client' ? place.otherClient : place.otherServer;
  const neighbour = isRedirect(step) ? 'fe80::1' : null;
  return {
    src: neighbour ?? (isClient ? place.otherClient : place.otherServer),
    dst: step.isAstray ? astray : quotedSender,
  };
}

function portsOf(from: Side, port: number): { sport: number; dport: number } {
  return from === 'client' ? { sport: port, dport: SERVER_PORT } : { sport: SERVER_PORT, dport: port };
}

export function icmpOf(family: 4 | 6): 'icmp' | 'icmpv6' {
  return family === 4 ? 'icmp' : 'icmpv6';
}

/** The tuple of the packet that an error step quotes. */
export function quotedOf(step: ErrorStep, sequence: Sequence, place: Place): QuotedTuple {
  const isClient = step.quotes === 'client';
  const ends = isClient ? { src: place.client, dst: place.server } : { src: place.server, dst: place.client };
  if (sequence.proto === 'icmp') {
    const [request, answer] = sequence.family === 4 ? [8, 0] : [128, 129];
    return { proto: icmpOf(sequence.family), ...ends, a: place.port, b: (isClient ? request : answer) << 8 };
  }
  const { sport, dport } = portsOf(step.quotes, place.port);
  return { proto: sequence.proto, ...ends, a: sport, b: dport };
}

/** What the model is told of a step. */
export function packetOf(step: Step, sequence: Sequence, place: Place, atMs: number): TrackedPacket {
  const head = { atMs, zone: 0, ...addressesOf(step, place) };
  if (step.kind === 'tcp') {
    return {
      ...head,
      fault: step.fault ?? null,
      proto: 'tcp',
      ...portsOf(step.from, place.port),
      seq: step.seq,
      ack: step.ack,
      window: step.window,
      flags: tcpFlagBits(step.flags),
      payload: step.payload,
      options: step.options === '' ? null : tcpOptionBytes(step.options),
    };
  }
  if (step.kind === 'udp') {
    return { ...head, fault: step.fault ?? null, proto: 'udp', ...portsOf(step.from, place.port) };
  }
  const isError = step.kind === 'error';
  const least = sequence.proto === 'icmp' ? 8 : 4;
  const quoted = isError && (step.quotedBytes < least ? 'unreadable' : quotedOf(step, sequence, place));
  return {
    ...head,
    fault: isError ? null : (step.fault ?? (isRedirect(step) ? 'truncated' : null)),
    proto: icmpOf(sequence.family),
    type: step.type,
    code: step.code,
    id: isError ? 0 : place.port,
    quoted: quoted === false ? null : quoted,
    hopLimit: hopLimitOf(step),
  };
}
