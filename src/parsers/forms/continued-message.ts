// Does this line go on with the message of the line before? SCTP's messages hold a newline, mail programs and terminals wrap long lines.

import type { KernelLine, KernelMessage } from '../../model/kernel-line.js';
import type { Packet } from '../../model/packet.js';
import { type MessageCatalogue, parseKernelMessage } from '../kernel-message.js';

function packetOf(message: KernelMessage): Packet | null {
  return 'packet' in message ? message.packet : null;
}

/** Whether a further line can belong to the message: its dump is missing or was cut. */
export function mayContinue(message: KernelMessage): boolean {
  if (message.kind === 'log-invalid' || message.kind === 'helper') return message.packet?.isCut ?? true;
  return (message.kind === 'log' || message.kind === 'trace') && message.packet.isCut;
}

function hasNoEnvelope(envelope: KernelLine): boolean {
  return envelope.stamps.length === 0 && envelope.messageAt === 0;
}

/** Whether both lines carry the same time: printk repeats the time of a record in front of each of its lines. */
function isSameMoment(first: KernelLine, second: KernelLine): boolean {
  const left = first.stamps[0];
  const right = second.stamps[0];
  if (left === undefined || right === undefined) return left === right || hasNoEnvelope(second);
  if (left.kind === 'wall' && right.kind === 'wall') {
    return left.usOfDay === right.usOfDay && left.day === right.day && left.month === right.month;
  }
  return left.kind !== 'wall' && right.kind === left.kind && right.us === left.us;
}

/** Words that begin a message of its own, so that the line before it stays cut. */
const BEGINS_MESSAGE = /IN=|OUT=|TRACE: |(?:nf|ip)_ct_|suppressed|table full/;

/** Fields that only a dump has: a piece of one that begins inside a word is known by them. */
const FIELD = /\b(?:SRC|DST|LEN|TOS|TTL|PROTO|SPT|DPT|WINDOW|URGP)=/;

/** A dump is limited to about 1 kB; with prefix and envelopes no message is longer than this. */
const LONGEST_MESSAGE = 4096;

export interface Continued {
  readonly text: string;
  readonly message: KernelMessage;
}

/**
 * @param held the message so far and its envelope. @param next the next line's envelope and message.
 * @returns the joined message when the next line goes on with it (net/netfilter/nf_conntrack_proto_sctp.c: do_basic_checks(), since
 *   v6.3, ends its reason with a newline in front of ' IN='), else null.
 */
export function continueMessage(
  held: { readonly envelope: KernelLine; readonly text: string; readonly message: KernelMessage },
  next: KernelLine,
  catalogue: MessageCatalogue,
): Continued | null {
  if (held.text.length + next.message.length > LONGEST_MESSAGE) return null;
  const words = next.message.trimStart();
  // Who breaks a line by hand for others to read says so with a backslash.
  if (/\s\\$/.test(held.text))
    return continueMessage({ ...held, text: held.text.replace(/\s*\\$/, '') }, next, catalogue);
  if (packetOf(held.message) === null) {
    if (!/^(?:IN|OUT)=/.test(words) || !isSameMoment(held.envelope, next)) return null;
    return joined(held.text, `\n ${words}`, catalogue);
  }
  // A wrapped line: the rest has no envelope and nothing of a message's beginning.
  if (!hasNoEnvelope(next) || BEGINS_MESSAGE.test(words)) return null;
  const before = packetOf(held.message);
  const atBlank = joined(held.text, ` ${words}`, catalogue);
  const insideWord = joined(held.text, words, catalogue);
  const [whole] = [atBlank, insideWord]
    .filter(({ message }) => packetOf(message)?.isCut === false)
    .sort((left, right) => strayWords(left) - strayWords(right));
  if (whole !== undefined) return whole;
  const isPart = /^\S+=\S*|^(?:DF|MF|CE|ACK|PSH|RST|SYN|FIN|OPT)\b/.test(words) || FIELD.test(words);
  if (!isPart || before === null) return null;
  const [more] = [atBlank, insideWord]
    .filter(({ message }) => toldFields(packetOf(message)) > toldFields(before))
    .sort(
      (left, right) =>
        toldFields(packetOf(right.message)) - toldFields(packetOf(left.message)) ||
        strayWords(left) - strayWords(right),
    );
  return more ?? null;
}

function joined(head: string, rest: string, catalogue: MessageCatalogue): Continued {
  const text = head + rest;
  return { text, message: parseKernelMessage(text, catalogue) };
}

function strayWords({ message }: Continued): number {
  return packetOf(message)?.unknown.length ?? 0;
}

function toldFields(packet: Packet | null): number {
  return packet === null ? 0 : Object.values(packet).filter((value) => value !== null && value !== false).length;
}
