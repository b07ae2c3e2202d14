// `ip monitor`, with -ts, with -t, with labels or without.

import type { Stamp } from '../../model/kernel-line.js';
import { type Emit, type Form, type FormContext, type FormReader, OTHER, TAKEN } from '../form.js';
import { readLinkLayer } from '../host/ip-link-words.js';
import { type MonitorObject, readMonitorLine, readMonitorStamp } from '../host/ip-monitor-line.js';
import { readRouteContinuation } from '../host/ip-route-words.js';

interface Held {
  readonly line: number;
  readonly stamp: Stamp | null;
  readonly object: MonitorObject;
}

function isMonitor({ fileName, command }: FormContext): boolean {
  return /\bip\b.*\bmon(itor)?\b/.test(command ?? '') || /\bip\b.*\bmonitor\b/.test(fileName.replace(/[-_.]/g, ' '));
}

function openReader(emit: Emit): FormReader {
  let held: Held | null = null;
  /** -t: the stamp stands on the line before. */
  let pending: Stamp | null = null;

  const flush = (): void => {
    if (held === null) return;
    const { line, stamp, object } = held;
    held = null;
    emit({ kind: 'host-event', line, event: { kind: object.kind, atUs: null, stamp, data: object.data } });
  };

  return {
    line(text, line) {
      if (text.trim() === '') return TAKEN;
      const stamped = readMonitorStamp(text);
      if (stamped !== null && stamped.at === text.length) {
        flush();
        pending = stamped.stamp;
        return TAKEN;
      }
      if (stamped === null && /^\s/.test(text)) {
        if (held === null) return OTHER;
        const { kind, data } = held.object;
        if (kind.startsWith('link')) readLinkLayer(data, text);
        if (kind.startsWith('route')) readRouteContinuation(data, text);
        return TAKEN;
      }
      flush();
      const read = readMonitorLine(text.slice(stamped?.at ?? 0));
      const stamp = stamped?.stamp ?? pending;
      pending = null;
      if (read.is === 'object') {
        held = { line, stamp, object: read.object };
        return TAKEN;
      }
      if (read.is === 'beside') return TAKEN;
      return stamped !== null || read.hasLabel
        ? { is: 'unread', reason: 'neither link, address, route, rule nor neighbour', at: stamped?.at ?? 0 }
        : OTHER;
    },
    end: flush,
  };
}

export const ipMonitorForm: Form = {
  id: 'ip monitor',
  title: 'ip monitor, with -ts, -t and labels',
  recognise(line, context) {
    const stamped = readMonitorStamp(line);
    if (stamped !== null && stamped.at === line.length) return 95;
    const read = readMonitorLine(line.slice(stamped?.at ?? 0));
    if (read.is === 'other') return 0;
    if (read.is === 'beside') return isMonitor(context) ? 60 : 0;
    if (stamped !== null || read.hasLabel || read.isDeleted) return 97;
    // Without any of these a line is one of `ip addr` or `ip route`, unless the command or the file's name says otherwise.
    return isMonitor(context) ? 97 : 0;
  },
  open: (emit) => openReader(emit),
};
