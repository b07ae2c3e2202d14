// `ethtool -k`: which work a network card does for the kernel; also what `ethtool -K` says it has changed.

import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';

const HEADING = /^(?:Features|Offload parameters) for (\S+):\s*$/;
const CHANGES = /^Actual changes:\s*$/;
const FEATURE =
  /^\s*([a-z][a-z0-9_]*(?:-[a-z0-9_]+)+|highdma|ntuple-filters|loopback|rxhash|[a-z][a-z ]+ offload|scatter-gather): (on|off)(?: \[(.*)\])?\s*$/;

interface Held {
  readonly line: number;
  readonly ifname: string | null;
  readonly isChange: boolean;
  readonly features: Record<string, 'on' | 'off'>;
  readonly fixed: string[];
}

/** 'ethtool -K eth0 tx off' and 'ethtool -k eth0' name the interface, for output that does not. */
function interfaceOf(command: string | null): string | null {
  return /\bethtool\s+(?:-[kK]|--(?:show-)?(?:features|offload))\s+(\S+)/.exec(command ?? '')?.[1] ?? null;
}

function openReader(emit: Emit, context: FormContext): FormReader {
  let held: Held | null = null;
  const flush = (): void => {
    if (held === null) return;
    const { line, ifname, isChange, features, fixed } = held;
    held = null;
    if (Object.keys(features).length === 0) return;
    const data: Record<string, unknown> = { ifname, features };
    if (fixed.length > 0) data['fixed'] = fixed;
    // Only what changed stands there, not all that is set.
    if (isChange) data['isChange'] = true;
    emit({ kind: 'host-fact', line, fact: { kind: 'offload', data } });
  };
  const begin = (line: number, ifname: string | null, isChange: boolean): LineOutcome => {
    flush();
    held = { line, ifname, isChange, features: {}, fixed: [] };
    return TAKEN;
  };

  return {
    line(text, line) {
      if (text.trim() === '') return TAKEN;
      const heading = HEADING.exec(text);
      if (heading !== null) return begin(line, heading[1]!, false);
      if (CHANGES.test(text)) return begin(line, interfaceOf(context.command), true);
      const feature = FEATURE.exec(text);
      if (feature !== null) {
        if (held === null) begin(line, interfaceOf(context.command), false);
        held!.features[feature[1]!] = feature[2] as 'on' | 'off';
        if (feature[3]?.includes('fixed')) held!.fixed.push(feature[1]!);
        return TAKEN;
      }
      if (/^(?:Cannot get device|Could not change any|netlink error:|Cannot change )/.test(text)) return TAKEN;
      flush();
      return OTHER;
    },
    end: flush,
  };
}

export const ethtoolForm: Form = {
  id: 'ethtool',
  title: 'ethtool -k',
  recognise(line) {
    if (HEADING.test(line)) return 100;
    if (CHANGES.test(line)) return 90;
    return /^\s*(?:[rt]x-checksumming|tcp-segmentation-offload|generic-receive-offload|tx-checksum-[a-z0-9-]+): (?:on|off)/.test(
      line,
    )
      ? 70
      : 0;
  },
  open: openReader,
};
