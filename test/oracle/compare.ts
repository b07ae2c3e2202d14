// Do the model and the kernel agree about every packet of a sequence?

import { stateName } from '../../src/tracker/outcome.js';
import type { TrackedPacket } from '../../src/tracker/packet.js';
import type { Tracker } from '../../src/tracker/tracker.js';
import type { KernelAnswer } from './firewall.js';

/** Nearer to a time limit than this, the two clocks decide, not the rules. */
const TOO_CLOSE_MS = 40;
const SEEN_REPLY = 2;
const ASSURED = 4;

/**
 * Whether the packet comes so near to the end of an entry's life, or of a UDP flow's first seconds, that nothing can be concluded; `blurMs`
 * is how inexactly the packets' times are known.
 */
export function isTooClose(tracker: Tracker, packet: TrackedPacket, blurMs: number): boolean {
  const entry = tracker.peek(packet);
  if (entry === null) return false;
  const isNearStream = entry.proto === 'udp' && Math.abs(entry.streamAtMs - packet.atMs) < TOO_CLOSE_MS + blurMs;
  return isNearStream || Math.abs(entry.deadlineMs - packet.atMs) < TOO_CLOSE_MS + blurMs;
}

/**
 * Lets the model judge the packet and names what differs, empty when all agrees: verdict, messages, and the entry of the flow
 * (`flow` is a packet with its tuple): state, marks and scales of both sides, assured, replied, seconds left.
 */
export function differences(
  tracker: Tracker,
  packet: TrackedPacket,
  flow: TrackedPacket,
  answer: KernelAnswer,
  blurMs: number,
): readonly string[] {
  const found: string[] = [];
  function expect(what: string, model: unknown, kernel: unknown): void {
    if (JSON.stringify(model) !== JSON.stringify(kernel)) {
      found.push(`${what}: model ${JSON.stringify(model)}, kernel ${JSON.stringify(kernel)}`);
    }
  }
  const out = tracker.track(packet);
  expect('verdict', out.verdict === 'DROP' ? null : out.verdict, answer.verdict);
  expect(
    'messages',
    [out.message, out.followUp].filter((line) => line !== null),
    answer.messages,
  );

  const entry = tracker.peek(flow);
  const isAlive = entry !== null && entry.deadlineMs > packet.atMs;
  expect('entry', isAlive, answer.entry !== null);
  if (entry === null || !isAlive || answer.entry === null) return found;
  const kernel = answer.entry;
  expect('original source', entry.original.src, kernel.src);
  expect('replied', entry.hasReply, (kernel.status & SEEN_REPLY) !== 0);
  expect('assured', entry.isAssured, (kernel.status & ASSURED) !== 0);
  if (entry.proto === 'tcp') {
    expect('state', stateName(entry.tcp.state), stateName(kernel.state ?? -1));
    expect(
      'scales',
      entry.tcp.sides.map((side) => side.scale),
      kernel.scale,
    );
    expect(
      'marks',
      entry.tcp.sides.map((side) => side.flags),
      kernel.flags,
    );
  }
  const leftS = (entry.deadlineMs - packet.atMs) / 1000;
  const blurS = blurMs / 1000;
  const isSameTime =
    kernel.timeout !== null && kernel.timeout <= leftS + 0.05 + blurS && kernel.timeout > leftS - 1.1 - blurS;
  if (!isSameTime) found.push(`seconds left: model ${leftS.toFixed(2)} (${out.timeoutRule}), kernel ${kernel.timeout}`);
  return found;
}
