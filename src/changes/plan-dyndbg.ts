// Which debug callsites of this kernel answer a question, and what replaced those that are gone.

import { reasonById } from '../catalogue/all-reasons.js';
import { compileFormat } from '../catalogue/format-pattern.js';
import { holds, parseKernelVersion, rangeText } from '../catalogue/kernel-version.js';
import type { Reason } from '../catalogue/reason.js';
import type { CallsiteAct } from '../model/change.js';
import { unescapeFormat } from '../parsers/forms/dyndbg-control.js';
import type { CallsiteFacts, LiveCallsite } from '../survey/callsites.js';
import { FailedError, UnsupportedError, UsageError } from '../text/errors.js';
import { nthOfName, withFlags } from './acts/callsite.js';
import { heldBy, type Plan, type PlanContext } from './plan.js';

export interface CallsiteWish {
  readonly reason: string | null;
  /** Part of a function's name. */
  readonly function: string | null;
  /** Part of the message. */
  readonly message: string | null;
  readonly module: string | null;
}

/** Print, with module and function in front: many of these lines say nothing by themselves. */
const FLAGS = 'pmf';

/** A message's own text, without what decorations and the module put in front. */
const bare = (text: string) => text.trimEnd().replace(/^nf_conntrack: /, '');

/** @throws UsageError for a reason that the catalogue does not know */
export function reasonOf(id: string): Reason {
  const reason = reasonById(id);
  if (reason === null) throw new UsageError(`--reason: there is no reason '${id}'; see ctwhy reasons list`);
  return reason;
}

/** The callsites of this kernel that a wish names; all of them for an empty one. @throws UsageError */
export function chooseCallsites(callsites: readonly LiveCallsite[], wish: CallsiteWish): readonly LiveCallsite[] {
  const formats =
    wish.reason === null
      ? null
      : reasonOf(wish.reason)
          .formats.filter(({ channel }) => channel === 'debug')
          .map(({ text }) => compileFormat(bare(text)).format);
  return callsites.filter((one) => {
    const text = bare(unescapeFormat(one.format));
    return (
      (formats === null || formats.includes(compileFormat(text).format)) &&
      (wish.function === null || one.function.includes(wish.function)) &&
      (wish.message === null || text.toLowerCase().includes(wish.message.toLowerCase())) &&
      (wish.module === null || one.module === wish.module)
    );
  });
}

/** Why a reason has no callsite on this kernel, and what shows it instead. */
export function whatReplacedIt(id: string, kernelRelease: string): string {
  const reason = reasonOf(id);
  const version = parseKernelVersion(kernelRelease);
  const name = version === null ? kernelRelease : `${version.major}.${version.minor}`;
  const debug = reason.formats.find(({ channel }) => channel === 'debug');
  if (debug === undefined) return `${id} never had a debug line; ${reason.howSeen}`;
  const now =
    reason.evidenceByVersion.find(({ versions }) => holds(versions, version) === 'yes')?.evidence ?? reason.evidence;
  const was = `its debug line was there ${rangeText(debug.versions)}; this is ${name}`;
  if (now === 'log-invalid') {
    const proto = reason.proto.includes('tcp') ? 'tcp' : reason.proto[0] === 'any' ? 'all' : reason.proto[0]!;
    return `${id}: ${was}. log_invalid prints it instead: ctwhy log-invalid enable -p ${proto}`;
  }
  if (now === 'silent')
    return `${id}: ${was}, where nothing prints it. A rule can show the packet: ctwhy tag add --ctstate ${reason.outcome === 'NEW' ? 'NEW' : 'INVALID'}`;
  return `${id}: ${was}. ${reason.howSeen}`;
}

/** @throws UnsupportedError without dynamic debug, FailedError when nothing here is meant */
export function planDyndbg(
  context: PlanContext,
  facts: CallsiteFacts,
  wish: CallsiteWish,
  { forMs, kernelRelease }: { readonly forMs: number | null; readonly kernelRelease: string },
): Plan {
  const { control } = facts;
  if (control === null)
    throw new UnsupportedError(
      `this kernel has no dynamic debug that could be read (no /proc/dynamic_debug/control, no debugfs)${wish.reason === null ? '' : `; ${whatReplacedIt(wish.reason, kernelRelease)}`}`,
    );
  if (!facts.isLoaded)
    throw new UnsupportedError(
      'nf_conntrack is not loaded here, so its callsites are not listed; modprobe nf_conntrack first',
    );
  const chosen = chooseCallsites(facts.callsites, wish);
  if (chosen.length === 0)
    throw wish.reason === null
      ? new FailedError('no debug callsite of conntrack on this kernel is meant by that; see ctwhy dyndbg list')
      : new UnsupportedError(whatReplacedIt(wish.reason, kernelRelease));
  const lineOf = ({ module, file, line, format }: LiveCallsite) => `${module} ${file}:${line} ${format}`;
  const acts = [...new Map(chosen.map((one) => [lineOf(one), one])).values()]
    .map((one): CallsiteAct => {
      const draft: CallsiteAct = {
        is: 'callsite',
        control,
        file: one.file,
        function: one.function,
        module: one.module,
        format: one.format,
        nth: nthOfName(one, facts.callsites),
        before: one.flags,
        after: withFlags(one.flags, FLAGS),
        original: one.flags,
      };
      const held = heldBy(draft, context);
      return held === null || held.after !== one.flags ? draft : { ...draft, original: held.original };
    })
    .filter((act) => act.before !== act.after || act.original !== act.before);
  const name = wish.reason ?? wish.function ?? wish.message ?? wish.module ?? 'conntrack';
  return {
    kind: 'dyndbg',
    what: `${acts.length} debug callsite${acts.length === 1 ? '' : 's'} (${name})`,
    acts: () => acts,
    forMs,
    isStanding: false,
    stays: [],
    warnings: [
      'these lines carry no addresses: which packet they are about, only their time can tell',
      'they have no limit of their own; above 1,000 lines/s they are switched off',
    ],
    seeAt: ['the kernel log at level debug: dmesg -w, journalctl -kf -p debug'],
  };
}
