// What of the evidence ctwhy brought about itself: lines that log_invalid could only give with others, and packets that are NEW because
// tracking began.

import { type Change, changeComment } from '../../model/change.js';
import type { PathStep } from '../../store/case-reader.js';
import type { StoredChange } from '../../store/change-reader.js';

const LOG_INVALID = 'net.netfilter.nf_conntrack_log_invalid';

/** The changes that were made on this host in this boot. A boot that no file names is any. */
export function changesOf(
  changes: readonly StoredChange[],
  { name, bootUuid }: { readonly name: string; readonly bootUuid: string | null },
): readonly StoredChange[] {
  const plain = (uuid: string) => uuid.replaceAll('-', '').toLowerCase();
  return changes.filter(({ change }) =>
    bootUuid === null || change.bootId === null ? change.hostName === name : plain(change.bootId) === plain(bootUuid),
  );
}

function isOn({ madeAtUs, endedAtUs }: StoredChange, fromUs: number, toUs: number): boolean {
  return madeAtUs <= fromUs && (endedAtUs === null || endedAtUs >= toUs);
}

/** The protocol whose refusals somebody else had switched on before; NULL: none, 255: all. */
function othersProto(change: Change): number | null {
  const act = change.acts.find((one) => one.is === 'sysctl' && one.name === LOG_INVALID);
  const original = act?.is === 'sysctl' ? Number(act.original) : 0;
  return original === 0 ? null : original;
}

/**
 * The change by which the kernel logged a packet that nobody had asked for: log_invalid holds one protocol or all.
 * @param from, to of the packets, microseconds since the epoch; NULL where the clock is not placed: then nothing is left out
 * @returns NULL when it was asked for, or another line than log_invalid's shows it too
 */
export function unasked(
  changes: readonly StoredChange[],
  steps: readonly PathStep[],
  proto: number,
  { fromUs, toUs }: { readonly fromUs: number | null; readonly toUs: number | null },
): StoredChange | null {
  if (fromUs === null || toUs === null || steps.some(({ kind }) => kind !== 'log-invalid')) return null;
  const on = changes.filter((one) => one.change.kind === 'log-invalid' && isOn(one, fromUs, toUs));
  const wider = on.find(({ change }) => change.onlyProtos !== undefined);
  if (wider === undefined) return null;
  const isAsked = on.some(({ change }) => {
    const others = othersProto(change);
    if (others === 255 || others === proto) return true;
    if (change.onlyProtos !== undefined) return change.onlyProtos.includes(proto);
    // It asked for the one protocol that it set, or for all.
    const act = change.acts.find((one) => one.is === 'sysctl' && one.name === LOG_INVALID);
    return act?.is !== 'sysctl' || [255, proto].includes(Number(act.after));
  });
  return isAsked ? null : wider;
}

/** The change that made tracking begin where these packets were seen; its own lines are of its namespace without doubt. */
export function startOfTracking(
  changes: readonly StoredChange[],
  steps: readonly PathStep[],
  atUs: number | null,
): StoredChange | null {
  if (atUs === null) return null;
  const isIts = ({ number, place }: Change) =>
    place.isFirstNetns ||
    steps.some(
      (step) =>
        step.table === `ctwhy_${number}` ||
        (step.prefix ?? '').trim().split(':').slice(0, 2).join(':') === changeComment(number),
    );
  return (
    changes.findLast(({ change, madeAtUs }) => change.startedTracking === true && madeAtUs <= atUs && isIts(change)) ??
    null
  );
}
