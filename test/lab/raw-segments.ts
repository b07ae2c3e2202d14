// Sends TCP segments that no TCP stack would send: scans, wrong windows, half a conversation.

import { fileURLToPath } from 'node:url';
import type { LabHost } from './lab.js';

const SENDER = fileURLToPath(new URL('raw-tcp.py', import.meta.url));

/** Numbers as on the wire; flags are letters of FSRPAUEC. More in raw-tcp.py. */
export interface RawSegment {
  readonly sport: number;
  readonly dport: number;
  readonly flags?: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly win?: number;
  readonly ttl?: number;
  readonly id?: number;
  readonly size?: number;
  readonly offset?: number;
  readonly cut?: number;
  readonly sum?: 'bad';
  readonly options?: string;
  /** Seconds before sending. */
  readonly wait?: number;
}

/** Sends the segments in order, from src (which need not be an address of the host) to dst. */
export async function sendSegments(
  host: LabHost,
  src: string,
  dst: string,
  segments: readonly RawSegment[],
): Promise<void> {
  const words = segments.map((segment) =>
    Object.entries(segment)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  );
  await host.run(`python3 '${SENDER}' ${src} ${dst} ${words.join(' ')}`);
}
