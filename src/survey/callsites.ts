// Conntrack's debug callsites of the kernel that runs now, as its control file lists them. There are thousands of others: only netfilter's count.

import { DEBUG_CALLSITES, type DebugCallsite } from '../catalogue/debug-callsites.js';
import type { ReadHost } from '../host/host.js';
import { CALLSITE_LINE, unescapeFormat } from '../parsers/forms/dyndbg-control.js';

/** /proc first: lockdown closes debugfs, and a container may not have it (lib/dynamic_debug.c: dynamic_debug_init_control(), v5.7). */
export const CONTROLS = ['/proc/dynamic_debug/control', '/sys/kernel/debug/dynamic_debug/control'];

export interface LiveCallsite {
  readonly file: string;
  readonly line: number;
  readonly module: string;
  readonly function: string;
  /** '_' for none; letters in the kernel's order otherwise. */
  readonly flags: string;
  /** As the control file prints it, escapes and all. */
  readonly format: string;
  /** What the catalogue knows of it; NULL: a callsite it does not know. */
  readonly known: DebugCallsite | null;
}

export interface CallsiteFacts {
  /** The control file; NULL: this kernel has no dynamic debug, or it may not be read. */
  readonly control: string | null;
  readonly callsites: readonly LiveCallsite[];
  /** nf_conntrack is loaded: only then are its callsites listed. */
  readonly isLoaded: boolean;
}

/** Reads the control file. Needs root. */
export function readCallsites(host: ReadHost): CallsiteFacts {
  const isLoaded = host.look('/proc/sys/net/netfilter/nf_conntrack_max') !== null;
  for (const control of CONTROLS) {
    const text = host.readOrNull(control);
    if (text === null) continue;
    return { control, callsites: parseCallsites(text), isLoaded };
  }
  return { control: null, callsites: [], isLoaded };
}

const OF_CONNTRACK = /^nf_(conntrack|nat|defrag)\w*$/;

/** Conntrack's callsites in the text of a control file; lines it cannot read are other people's. */
export function parseCallsites(text: string): readonly LiveCallsite[] {
  return text.split('\n').flatMap((one): LiveCallsite[] => {
    const [, file, line, module, name, flags, format] = CALLSITE_LINE.exec(one) ?? [];
    if (format === undefined || !OF_CONNTRACK.test(module!)) return [];
    return [
      {
        file: file!,
        line: Number(line),
        module: module!,
        function: name!,
        flags: flags!,
        format,
        known: knownAs(name!, format),
      },
    ];
  });
}

/** Core messages carry the module's name in the format since 4.9. */
function knownAs(name: string, format: string): DebugCallsite | null {
  const plain = (text: string) => text.trimEnd().replace(/^nf_conntrack: /, '');
  const text = plain(unescapeFormat(format));
  const sameText = DEBUG_CALLSITES.filter((callsite) => plain(callsite.format) === text);
  return sameText.find((callsite) => callsite.function === name) ?? sameText[0] ?? null;
}
