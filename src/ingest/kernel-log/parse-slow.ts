// The full parsers of envelope and message, put together for the kernel-log reader.

import { createMessageCatalogue } from '../../catalogue/match-message.js';
import type { KernelLine, KernelMessage } from '../../model/kernel-line.js';
import { parseEnvelope } from '../../parsers/envelope/parse-envelope.js';
import { type Continued, continueMessage } from '../../parsers/forms/continued-message.js';
import { parseKernelMessage } from '../../parsers/kernel-message.js';
import type { ParseSlow } from './read-lines.js';

const catalogue = createMessageCatalogue();

/** Reads one line with everything the parsers know. Never throws. */
export const parseSlow: ParseSlow = (line) => {
  const envelope = parseEnvelope(line);
  const message = parseKernelMessage(envelope.message, catalogue);
  // journald and rsyslog tell under their own names what they lost of the kernel's lines.
  const isAboutLoss = message.kind === 'notice' && message.detail['about'] === 'evidence-lost';
  return { envelope: isAboutLoss ? { ...envelope, isOtherProgram: false } : envelope, message };
};

/** The next line as the rest of a message that broke off: joined, or NULL where it is a line of its own. */
export function continueSlow(
  held: { readonly envelope: KernelLine; readonly text: string; readonly message: KernelMessage },
  next: KernelLine,
): Continued | null {
  return continueMessage(held, next, catalogue);
}
