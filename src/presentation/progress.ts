// A line that moves while work goes on, on a terminal only. The only importer of cli-progress.

import cliProgress from 'cli-progress';
import { safeLine } from '../text/terminal-safe.js';
import type { OutputStream } from './streams.js';

export interface ProgressState {
  readonly name: string;
  readonly done: number;
  /** NULL: nobody knows how much there is (a pipe). */
  readonly total: number | null;
  /** 'kB', 'lines', … for the rate. */
  readonly rate: string;
}

export interface ProgressBar {
  show(state: ProgressState): void;
  /** Takes the line away. */
  end(): void;
}

/** Columns of all that stands beside the name: bar, share, rate, time left. */
const BAR = 68;

/** A path says most at its end: what does not fit goes from its folders. */
function shortName(name: string, width: number): string {
  return name.length <= width ? name : `…${name.slice(name.length - width + 1)}`;
}

/** @param nowMs a clock that never steps back @param stream where a person looks; elsewhere nothing is shown */
export function progressBar(stream: OutputStream, nowMs: () => number): ProgressBar {
  if (!stream.isTerminal || stream.native === undefined) return { show: () => {}, end: () => {} };
  const began = nowMs();
  const bar = new cliProgress.SingleBar(
    {
      stream: stream.native,
      format: ' {name}  {bar} {percentage} %  {rate}  {left}',
      barsize: 20,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      clearOnComplete: true,
      hideCursor: null,
      fps: 5,
      noTTYOutput: false,
    },
    cliProgress.Presets.legacy,
  );
  let isStarted = false;
  return {
    show({ name, done, total, rate }) {
      // The first fifth of a second is nobody's wait.
      if (!isStarted && nowMs() - began < 200) return;
      const share = total === null || total === 0 ? 0 : Math.min(1, done / total);
      const leftS = share > 0.01 ? ((nowMs() - began) / 1000) * (1 / share - 1) : null;
      const payload = {
        name: shortName(safeLine(name), Math.max(12, stream.width - BAR)),
        rate,
        left: leftS === null ? '' : `${Math.ceil(leftS)} s left`,
      };
      if (isStarted) bar.update(Math.round(share * 1000), payload);
      else {
        bar.start(1000, Math.round(share * 1000), payload);
        isStarted = true;
      }
    },
    end() {
      if (isStarted) bar.stop();
    },
  };
}
