// What a capture shows while it goes on: one line for the first of each kind, and on a terminal a line that is drawn again and again.

import { safeLine } from '../text/terminal-safe.js';
import { timeOfDay } from '../text/time.js';
import { printDocument, type Segment, segment } from './document.js';
import type { OutputStream } from './streams.js';
import { styleFor } from './styles.js';

export interface LiveCounts {
  readonly packets: number;
  readonly invalid: number;
  readonly fresh: number;
  readonly dropped: number;
  readonly events: number;
  /** Lines and messages that were not had: without it the others could not be believed. */
  readonly lost: number;
}

export interface LiveState {
  readonly elapsedMs: number;
  /** NULL: until it is ended. */
  readonly forMs: number | null;
  readonly counts: LiveCounts;
  /** '^C ends', 'putting back'. */
  readonly hint: string;
}

export interface FirstSeen {
  readonly atUs: number;
  readonly what: string;
  readonly flow: string | null;
  readonly says: string;
}

export interface LiveScreen {
  first(one: FirstSeen): void;
  /** Draws the line anew on a terminal; elsewhere a total every half minute. */
  show(state: LiveState): void;
  /** A line that stays. */
  say(text: string): void;
  /** Takes the moving line away. */
  end(): void;
}

/** Never as wide as the terminal: at its edge it would scroll. */
const WIDEST = 79;
const TOTAL_EVERY_MS = 30_000;

export function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function liveSegments({ elapsedMs, forMs, counts, hint }: LiveState): readonly Segment[] {
  const time = `${minutes(elapsedMs).padStart(5)}${forMs === null ? '' : ` of ${minutes(forMs)}`}`;
  return [
    segment('plain', `${time}  packets ${counts.packets}  `),
    segment(counts.invalid > 0 ? 'warn' : 'plain', `INVALID ${counts.invalid}`),
    segment('plain', `  NEW ${counts.fresh}  `),
    segment(counts.dropped > 0 ? 'bad' : 'plain', `dropped ${counts.dropped}`),
    segment('plain', `  events ${counts.events}  `),
    segment(counts.lost > 0 ? 'bad' : 'plain', `lost ${counts.lost}`),
    segment('dim', hint === '' ? '' : `  ${hint}`),
  ];
}

export function firstSegments({ atUs, what, flow, says }: FirstSeen): readonly Segment[] {
  const role = /INVALID|reset/.test(what) ? 'warn' : /drop|lost|loss/.test(what) ? 'bad' : 'plain';
  return [
    segment('dim', `${timeOfDay(atUs, 3)}  `),
    segment(role, what.padEnd(14)),
    segment('plain', flow === null ? '' : `${flow}  `),
    segment('plain', says),
  ];
}

/** @param isQuiet nothing but what is said by say() */
export function liveScreen(stream: OutputStream, isQuiet: boolean): LiveScreen {
  const isMoving = stream.isTerminal && !isQuiet;
  let totalAtMs = TOTAL_EVERY_MS;
  let isDrawn = false;
  const clear = (): void => {
    if (isDrawn) stream.write('\r\u001b[K');
    isDrawn = false;
  };
  return {
    first(one) {
      if (isQuiet) return;
      clear();
      printDocument(stream, [firstSegments(one)]);
    },
    show(state) {
      if (isQuiet) return;
      const segments = liveSegments(state);
      if (!isMoving) {
        if (state.elapsedMs < totalAtMs) return;
        totalAtMs += TOTAL_EVERY_MS;
        printDocument(stream, [segments]);
        return;
      }
      const style = styleFor(stream.isColoured);
      let room = Math.min(WIDEST, stream.width - 1);
      const parts: string[] = [];
      for (const one of segments) {
        const text = safeLine(one.text).slice(0, room);
        room -= text.length;
        parts.push(style(one.role, text));
      }
      stream.write(`\r\u001b[K${parts.join('')}`);
      isDrawn = true;
    },
    say(text) {
      clear();
      printDocument(stream, [text]);
    },
    end: clear,
  };
}
