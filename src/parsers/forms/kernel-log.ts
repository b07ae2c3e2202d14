// Kernel log text in any mix of envelopes: syslog files, journalctl and dmesg output, /dev/kmsg, logread, ulogd's LOGEMU, and lines
// pasted without any envelope.

import type { KernelLine, KernelMessage } from '../../model/kernel-line.js';
import { parseEnvelope } from '../envelope/parse-envelope.js';
import { isKmsgContinuation } from '../envelope/whole-records.js';
import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import type { MessageCatalogue } from '../kernel-message.js';
import { continueMessage, mayContinue } from './continued-message.js';
import { classify } from './kernel-record.js';

const NO_CATALOGUE: MessageCatalogue = { match: () => null };

/** Other tracers' lines have words of ours but are forms of their own; JSON and XML can hold anything. */
const FOREIGN =
  /^ ?(?:TRACE|EVENT): \d+ [0-9a-fA-F]+ |\bPACKET: \d+ [0-9a-fA-F]{6,8} |\bFLAGS=[A-Z]|\bNFMARK=0x|^\s*[{<[]\s*(?:"|\?xml|$)/;

const OWN_FILE = /^(?:kern|kernel|dmesg|messages|syslog|journal|daemon|ufw|firewall|iptables|ulog|nf)\b/;
const OWN_COMMAND = /\b(?:dmesg|journalctl|logread)\b/;

function isOwnSource(context: FormContext): boolean {
  return OWN_COMMAND.test(context.command ?? '') || OWN_FILE.test(context.fileName);
}

function hasEnvelope(envelope: KernelLine): boolean {
  return envelope.stamps.length > 0 || envelope.messageAt > 0 || envelope.sequence !== null;
}

/** Only the kernel stamps its lines with uptime or a priority; a syslog daemon names it. */
function isKernelEnvelope(envelope: KernelLine): boolean {
  if (envelope.isOtherProgram) return false;
  return envelope.stamps[0]?.kind === 'uptime' || envelope.facility === 0 || envelope.host !== null;
}

const SURENESS: Readonly<Record<Exclude<KernelMessage['kind'], 'other'>, readonly [enveloped: number, bare: number]>> =
  {
    trace: [95, 80],
    'log-invalid': [95, 80],
    helper: [95, 75],
    log: [90, 70],
    audit: [80, 40],
    notice: [85, 60],
    debug: [80, 50],
    unreadable: [70, 50],
  };

/** A dump by its words alone needs an address or a link layer to be believed. */
function isBelievable(message: KernelMessage): boolean {
  if (message.kind !== 'log') return true;
  const { src, dst, mac, macSrc, arp } = message.packet;
  return src !== null || dst !== null || (mac !== null && mac !== '') || macSrc !== null || arp !== null;
}

function recognise(line: string, context: FormContext): number {
  if (line.trim() === '' || FOREIGN.test(line)) return 0;
  const envelope = parseEnvelope(line);
  const message = classify(envelope, NO_CATALOGUE);
  const isEnveloped = hasEnvelope(envelope);
  if (message.kind !== 'other') {
    const [enveloped, bare] = SURENESS[message.kind];
    if (isEnveloped) return enveloped;
    return isBelievable(message) ? bare : 20;
  }
  if (!isEnveloped) return 0;
  if (isKernelEnvelope(envelope)) return 65;
  return isOwnSource(context) ? 60 : 30;
}

interface Held {
  readonly line: number;
  readonly envelope: KernelLine;
  readonly text: string;
  readonly message: KernelMessage;
}

const JOURNAL_HEADING = /^-- .* --$|^-- (?:Logs|Journal|Boot|Reboot)\b/;
/** journalctl puts the further lines of a message under the message of the first. */
const INDENTED = /^\s{10,}\S/;

function open(emit: Emit, context: FormContext, catalogue: MessageCatalogue): FormReader {
  const ownsEverything = isOwnSource(context);
  let held: Held | null = null;
  let hasSeenEnvelope = false;

  const release = (): void => {
    if (held !== null) emit({ kind: 'kernel', line: held.line, envelope: held.envelope, message: held.message });
    held = null;
  };

  const bareLine = (text: string, message: KernelMessage): LineOutcome | null => {
    if (isKmsgContinuation(text) || JOURNAL_HEADING.test(text)) return TAKEN;
    if (message.kind !== 'other' || ownsEverything) return null;
    return hasSeenEnvelope && INDENTED.test(text) ? TAKEN : OTHER;
  };

  return {
    line(text, line) {
      if (text.trim() === '') return TAKEN;
      if (FOREIGN.test(text)) {
        release();
        return OTHER;
      }
      const envelope = parseEnvelope(text);
      if (held !== null) {
        const continued = continueMessage(held, envelope, catalogue);
        if (continued !== null) {
          held = { ...held, ...continued };
          if (!mayContinue(continued.message)) release();
          return TAKEN;
        }
        release();
      }
      const message = classify(envelope, catalogue);
      if (hasEnvelope(envelope)) hasSeenEnvelope = true;
      else {
        const outcome = bareLine(text, message);
        if (outcome !== null) return outcome;
      }
      if (message.kind === 'unreadable') {
        return { is: 'unread', reason: message.reason, at: envelope.messageAt + message.at };
      }
      if (mayContinue(message)) held = { line, envelope, text: envelope.message, message };
      else emit({ kind: 'kernel', line, envelope, message });
      return TAKEN;
    },
    end: release,
  };
}

/** The form of kernel log text; records are of kind 'kernel', lines that are not netfilter's included ('other'). */
export function kernelLogForm(catalogue: MessageCatalogue): Form {
  return {
    id: 'kernel log',
    title: 'kernel log text: syslog files, dmesg, journalctl, /dev/kmsg, logread, ulogd LOGEMU',
    recognise,
    open: (emit, context) => open(emit, context, catalogue),
  };
}
