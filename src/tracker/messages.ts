// What would this kernel print about it? The wordings are the catalogue's; here the values are put in.

import { reasonById } from '../catalogue/all-reasons.js';
import { holds, type KernelVersion } from '../catalogue/kernel-version.js';
import type { Rules } from './rules.js';

export interface Messages {
  /** The log_invalid line of this reason, values put in, trimmed; NULL when this kernel is silent about it. */
  text(
    reasonId: string,
    first?: string | number,
    second?: string | number,
    third?: string | number,
    fourth?: number,
  ): string | null;
}

/** ip_conntrack of 2.6.9 to 2.6.21 had the same wordings under a prefix of its own; the model begins later. */
const OLDEST_PREFIX = /^ip_ct_/;

/** Wordings of one kernel. Where its version leaves two open, the newer one, unless a rule says otherwise. */
export function createMessages(version: KernelVersion, rules: Rules): Messages {
  const wordings = new Map<string, string | null>();

  function wordingOf(reasonId: string): string | null {
    const known = wordings.get(reasonId);
    if (known !== undefined) return known;
    const formats = (reasonById(reasonId)?.formats ?? []).filter(
      (format) =>
        format.channel === 'log-invalid' &&
        !OLDEST_PREFIX.test(format.text) &&
        holds(format.versions, version) !== 'no',
    );
    const isOlder = reasonId === 'tcp-lower-timeout' && !rules.lowersToUnack;
    const wording = formats.at(isOlder ? 0 : -1)?.text.trim() ?? null;
    wordings.set(reasonId, wording);
    return wording;
  }

  return {
    text(reasonId, ...values) {
      const wording = wordingOf(reasonId);
      if (wording === null) return null;
      let at = 0;
      return wording.replace(/%(?:[ud]|s|pI[46])/g, (conversion) => String(values[at++] ?? conversion));
    },
  };
}
