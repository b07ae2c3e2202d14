// What another kernel or other settings would have changed, in words and as JSON.

import type { Bases } from '../../analysis/replay/numbers.js';
import type { Replay } from '../../analysis/replay/replay.js';
import type { ReplaySettings } from '../../analysis/replay/settings.js';
import type { Changed, Difference } from '../../analysis/replay/what-if.js';
import type { ChangeLine } from '../../presentation/replay-document.js';
import { lineOf, stateWords, timeoutWords } from './replay-rows.js';

/** 'nf_conntrack_tcp_be_liberal=1, kernel 5.10'. */
export function settingWords(from: ReplaySettings, to: ReplaySettings): string {
  const words = Object.entries(to.sysctls)
    .filter(([name, value]) => from.sysctls[name] !== value)
    .map(
      ([name, value]) => `${name}=${value}${from.sysctls[name] === undefined ? '' : ` (was ${from.sysctls[name]})`}`,
    );
  const kernel =
    to.kernel.release === from.kernel.release ? [] : [`kernel ${to.kernel.release} (was ${from.kernel.release})`];
  return [...words, ...kernel].join(', ') || 'the same settings';
}

function changesOf({ before, verdict, states, message, timeoutMs, reasonId }: Changed): readonly string[] {
  const changes: string[] = [];
  if (before.verdict !== verdict) changes.push(`verdict ${before.verdict} > ${verdict}`);
  if (stateWords(before.stateAfter) !== stateWords(states))
    changes.push(`state ${stateWords(before.stateAfter) || 'none'} > ${stateWords(states) || 'none'}`);
  if (before.message !== message) changes.push(`message ${before.message ?? 'none'} > ${message ?? 'none'}`);
  const [old, now] = [timeoutWords({ timeoutMs: before.timeoutMs }), timeoutWords({ timeoutMs })];
  if (old !== now) changes.push(`timeout ${old || 'untouched'} > ${now || 'untouched'}`);
  if (before.reasonId !== reasonId && before.verdict !== verdict)
    changes.push(`reason ${before.reasonId ?? 'none'} > ${reasonId ?? 'none'}`);
  return changes;
}

export function changeLines(replay: Replay, difference: Difference, bases: Bases): readonly ChangeLine[] {
  return difference.changed.map((changed) => {
    const line = lineOf(replay, changed.before, bases);
    const numbers = [
      line.seq === '' ? '' : `seq ${line.seq}`,
      line.ack === '' ? '' : `ack ${line.ack}`,
      line.length === '' ? '' : `len ${line.length}`,
    ];
    return {
      number: line.number,
      packet: [`${line.sign} ${line.flags}`, ...numbers.filter((text) => text !== '')].join('  '),
      changes: changesOf(changed),
      isBetter: changed.before.verdict === 'INVALID' && changed.verdict !== 'INVALID',
    };
  });
}

export function changesJson(replay: Replay, difference: Difference): Readonly<Record<string, unknown>> {
  return {
    kernel: difference.settings.kernel.release,
    sysctls: difference.settings.sysctls,
    changedSettings: settingWords(replay.settings, difference.settings),
    same: difference.same,
    unknown: difference.unknown,
    isEachByItself: difference.isEachByItself,
    changed: difference.changed.map(({ before, verdict, states, message, timeoutMs, reasonId }) => ({
      number: before.number,
      from: {
        verdict: before.verdict,
        states: before.stateAfter,
        message: before.message,
        timeoutMs: before.timeoutMs,
        reason: before.reasonId,
      },
      to: { verdict, states, message, timeoutMs, reason: reasonId },
    })),
  };
}
