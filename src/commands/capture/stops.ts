// When a capture ends: its time is over, its command has ended, somebody said so. The first signal ends it, the second hurries it along;
// none of them keeps the host from being put back.

import type { EndingSignal, World } from '../../world.js';

export interface Stops {
  /** The first signal; NULL: none so far. */
  signal(): EndingSignal | null;
  /** Aborted by the first signal: nothing is waited for any longer. */
  readonly ended: AbortSignal;
  /** Aborted by the second: what is not putting back is left out. */
  readonly hurried: AbortSignal;
  /** Waits, or less when a signal comes; with `evenEnded` only the second one cuts it short. */
  sleep(ms: number, evenEnded?: boolean): Promise<void>;
  off(): void;
}

/** @param onSignal hears each, first to last: a command of the person's wants to hear them too */
export function openStops(world: World, onSignal: (signal: EndingSignal, isFirst: boolean) => void): Stops {
  const ended = new AbortController();
  const hurried = new AbortController();
  let first: EndingSignal | null = null;
  const off = world.onEverySignal((signal) => {
    const isFirst = first === null;
    if (isFirst) {
      first = signal;
      ended.abort(signal);
    } else hurried.abort(signal);
    onSignal(signal, isFirst);
  });
  return {
    signal: () => first,
    ended: ended.signal,
    hurried: hurried.signal,
    sleep: (ms, evenEnded = false) => sleepUntil(ms, evenEnded ? hurried.signal : ended.signal),
    off,
  };
}

function sleepUntil(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
