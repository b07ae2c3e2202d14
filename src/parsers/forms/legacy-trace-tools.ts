// Traces by iptables-tracer, skbtracer and tshark: read where a line names table, chain and rule; the rest of their output is passed over.

import { type Form, OTHER, TAKEN } from '../form.js';
import { readLegacyTool } from '../trace/legacy-tools.js';

/** Lines of skbtracer about hooks without a rule, and its heading. */
const BESIDE = /^\[[\d:.]+\]\s+\[0x[0-9a-f]+\]\s|^TIME\s+SKB\s+NETWORK_NS\s/;

export const legacyTraceToolsForm: Form = {
  id: 'iptables-tracer',
  title: 'iptables-tracer, skbtracer and tshark over NFLOG',
  recognise: (line) => (readLegacyTool(line) !== null ? 97 : /^TIME\s+SKB\s+NETWORK_NS\s/.test(line) ? 90 : 0),
  open: (emit) => ({
    line(text, line) {
      if (text.trim() === '' || BESIDE.test(text)) {
        const beside = readLegacyTool(text);
        if (beside !== null) emit({ kind: 'trace-step', line, step: beside, atUs: null });
        return TAKEN;
      }
      const step = readLegacyTool(text);
      if (step === null) return OTHER;
      emit({ kind: 'trace-step', line, step, atUs: null });
      return TAKEN;
    },
    end() {},
  }),
};
