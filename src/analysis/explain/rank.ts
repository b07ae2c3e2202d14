// Which finding goes first: how sure, how bad, how many; whether packets or a table told it makes no difference.

import type { Finding } from '../../model/finding.js';
import { rankOf } from './argument.js';

const CLASS_WEIGHT: Readonly<Record<string, number>> = {
  normal: -1000,
  unresolved: -20,
  malformed: -50,
  'late-close': -60,
  'not-conntrack': -40,
};

/** Sums since boot may tell of a day long past: what the evidence shows of the incident itself goes first, however little it is sure. */
const LONG_AGO = -500;

/**
 * Greater goes first.
 * @param isLongAgo it rests on sums since boot alone
 */
export function weightOf(finding: Finding, isLongAgo: boolean): number {
  const fate = finding.fate === 'dropped' ? 40 : 0;
  const outcome = finding.outcome === 'INVALID' ? 20 : finding.outcome === 'DROP' ? 10 : 0;
  return (
    rankOf(finding.confidence) * 10 +
    fate +
    outcome +
    (CLASS_WEIGHT[finding.class] ?? 0) +
    (isLongAgo ? LONG_AGO : 0) +
    Math.min(9, Math.log10(finding.packets.count + 1) * 2)
  );
}
