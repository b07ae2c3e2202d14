// `nft monitor trace`. With -j it prints the same lines up to nftables 1.0.6; objects of later ones are read as far as they tell the
// same facts by the same words.

import type { TraceStep } from '../../model/trace.js';
import { type Emit, type Form, type FormReader, OTHER, TAKEN } from '../form.js';
import { readLineStart } from '../trace/line-start.js';
import { readNftTraceJson } from '../trace/nft-trace-json.js';
import { isNftTrace, readNftTraceLine } from '../trace/nft-trace-line.js';

function openReader(emit: Emit): FormReader {
  const step = (line: number, atUs: number | null, one: TraceStep): void =>
    emit({ kind: 'trace-step', line, step: one, atUs });
  return {
    line(text, line) {
      if (text.trim() === '') return TAKEN;
      const { at, atUs } = readLineStart(text);
      if (text.startsWith('{', at)) {
        const object = readNftTraceJson(text.slice(at));
        if (object === null) return OTHER;
        if (typeof object === 'string') return { is: 'unread', reason: object, at };
        step(line, atUs, object);
        return TAKEN;
      }
      const read = readNftTraceLine(text, at);
      if (read.is === 'other') return OTHER;
      if (read.is === 'unread') return read;
      step(line, atUs, read.step);
      return TAKEN;
    },
    end() {},
  };
}

export const nftTraceForm: Form = {
  id: 'nft monitor trace',
  title: 'nft monitor trace, text and -j',
  recognise(line) {
    const text = line.slice(readLineStart(line).at);
    return isNftTrace(text) || /^\{"trace": ?\{/.test(text) ? 100 : 0;
  },
  open: (emit) => openReader(emit),
};
