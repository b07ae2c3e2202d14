// Does this kernel have dynamic debug, and do callsites of conntrack print now?

import type { ReadHost } from '../host/host.js';
import type { DebugFacts } from '../model/host-setup.js';
import { CONTROLS, readCallsites } from './callsites.js';
import { isThere, kernelHas } from './place.js';

export function readDebug(host: ReadHost): DebugFacts {
  const { control, callsites } = readCallsites(host);
  if (control === null) return { isBuiltIn: isBuiltIn(host), callsites: null, printing: null };
  return {
    isBuiltIn: true,
    callsites: callsites.length,
    printing: callsites.filter(({ flags }) => flags.includes('p')).length,
  };
}

function isBuiltIn(host: ReadHost): boolean | null {
  if (CONTROLS.some((path) => isThere(host, path))) return true;
  const isConfigured = kernelHas(host, 'CONFIG_DYNAMIC_DEBUG');
  if (isConfigured !== null) return isConfigured;
  // Since 5.7 the file is in /proc wherever there is dynamic debug; before, debugfs may just not be mounted.
  const [major = 0, minor = 0] = host.identity().kernelRelease.split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 7) ? false : null;
}
