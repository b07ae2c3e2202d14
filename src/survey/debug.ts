// Does this kernel have dynamic debug, and do callsites of conntrack print now?

import type { ReadHost } from '../host/host.js';
import type { DebugFacts } from '../model/host-setup.js';
import { dyndbgControlForm } from '../parsers/forms/dyndbg-control.js';
import { isThere, kernelHas } from './place.js';
import { readText } from './read-text.js';

/** /proc first: lockdown closes debugfs (lib/dynamic_debug.c: dynamic_debug_init_control(), v5.7). Needs root. */
const CONTROLS = ['/proc/dynamic_debug/control', '/sys/kernel/debug/dynamic_debug/control'];

export function readDebug(host: ReadHost): DebugFacts {
  for (const path of CONTROLS) {
    const text = host.readOrNull(path);
    if (text === null) continue;
    const sites = readText(dyndbgControlForm, text, path).flatMap((record) =>
      record.kind === 'host-fact' && /^nf_(conntrack|nat|defrag)/.test(String(record.fact.data['module']))
        ? [record.fact.data]
        : [],
    );
    return {
      isBuiltIn: true,
      callsites: sites.length,
      printing: sites.filter(({ flags }) => String(flags).includes('p')).length,
    };
  }
  return { isBuiltIn: isBuiltIn(host), callsites: null, printing: null };
}

function isBuiltIn(host: ReadHost): boolean | null {
  if (CONTROLS.some((path) => isThere(host, path))) return true;
  const isConfigured = kernelHas(host, 'CONFIG_DYNAMIC_DEBUG');
  if (isConfigured !== null) return isConfigured;
  // Since 5.7 the file is in /proc wherever there is dynamic debug; before, debugfs may just not be mounted.
  const [major = 0, minor = 0] = host.identity().kernelRelease.split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 7) ? false : null;
}
