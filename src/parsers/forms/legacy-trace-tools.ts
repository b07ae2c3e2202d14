// Traces by iptables-tracer, skbtracer and tshark: read where a line names table, chain and rule; the rest of their output is passed over.

import type { TraceStep } from '../../model/trace.js';
import { type Form, OTHER, TAKEN } from '../form.js';
import { readLegacyTool } from '../trace/legacy-tools.js';
import { isTracerPacket, openTracerBlock } from '../trace/tracer-block.js';

/** Lines of skbtracer about hooks without a rule, and its heading. */
const BESIDE = /^\[[\d:.]+\]\s+\[0x[0-9a-f]+\]\s|^TIME\s+SKB\s+NETWORK_NS\s/;

export const legacyTraceToolsForm: Form = {
  id: 'iptables-tracer',
  title: 'iptables-tracer, skbtracer and tshark over NFLOG',
  recognise(line) {
    if (readLegacyTool(line, 0) !== null || isTracerPacket(line)) return 97;
    return /^TIME\s+SKB\s+NETWORK_NS\s/.test(line) ? 90 : 0;
  },
  open(emit) {
    const block = openTracerBlock();
    const put = (line: number, step: TraceStep): void => emit({ kind: 'trace-step', line, step, atUs: null });
    return {
      line(text, line) {
        const step = readLegacyTool(text, line);
        if (step !== null) {
          put(line, step);
          return TAKEN;
        }
        if (text.trim() === '' || BESIDE.test(text)) return TAKEN;
        const steps = block.line(text, line);
        if (steps === null) return OTHER;
        for (const one of steps) put(line, one);
        return TAKEN;
      },
      end() {},
    };
  },
};
