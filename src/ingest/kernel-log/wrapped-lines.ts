// Lines that broke off: terminals, mail programs and people wrap a long message, and the next line goes on with it.

import type { KernelLine, KernelMessage } from '../../model/kernel-line.js';
import { mayContinue } from '../../parsers/forms/continued-message.js';
import { continueSlow } from './parse-slow.js';

interface ParsedLine {
  readonly envelope: KernelLine;
  readonly message: KernelMessage;
}

interface Held {
  readonly line: number;
  /** The first line as it stands. */
  readonly raw: string;
  /** What is known of the message so far. */
  readonly text: string;
  readonly parsed: ParsedLine;
  readonly isJoined: boolean;
}

/** A line that is whole, or as whole as it gets. */
export type Understood = (line: number, raw: string, parsed: ParsedLine, isJoined: boolean) => void;

export interface WrappedLines {
  /** Takes a line that was cut, or that goes on with one; false: it is a line of its own, and nothing waits in front of it any more. */
  takes(line: number, raw: string, parsed: ParsedLine): boolean;
  /** Nothing goes on with what waits. */
  release(): void;
  isWaiting(): boolean;
}

/** @param understood is told what waited, when its end has come */
export function openWrappedLines(understood: Understood): WrappedLines {
  let held: Held | null = null;

  const release = (): void => {
    const ended = held;
    held = null;
    if (ended !== null) understood(ended.line, ended.raw, ended.parsed, ended.isJoined);
  };

  return {
    takes(line, raw, parsed) {
      if (held !== null) {
        const continued = continueSlow({ ...held.parsed, text: held.text }, parsed.envelope);
        if (continued !== null) {
          held = {
            ...held,
            text: continued.text,
            parsed: { ...held.parsed, message: continued.message },
            isJoined: true,
          };
          if (!mayContinue(continued.message)) release();
          return true;
        }
        release();
      }
      if (parsed.envelope.isOtherProgram || !('packet' in parsed.message) || !mayContinue(parsed.message)) return false;
      held = { line, raw, text: parsed.envelope.message, parsed, isJoined: false };
      return true;
    },
    release,
    isWaiting: () => held !== null,
  };
}
