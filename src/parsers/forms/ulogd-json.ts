// ulogd's JSON output: one object a line, or laid out over many lines by jq; cut objects give what they still hold.

import { ulogdFlow } from '../capture/ulogd-flow.js';
import type { JsonScalar } from '../capture/ulogd-object.js';
import { isUlogdFlow, isUlogdPacket, ulogdPacket } from '../capture/ulogd-object.js';
import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';

const PAIR = /"((?:[^"\\]|\\.){1,64})"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null)(\s*[,}]|\s*$)?/g;
/** Keys that only ulogd's packets have. */
const OWN_KEYS =
  /"(?:(?:orig|reply)\.(?:ip|l4|raw)\.|raw\.(?:pktlen|mac|label|type|pktcount)|oob\.[a-z_.]+|dvc"\s*:\s*"Netfilter)/;

function scalar(text: string): JsonScalar {
  try {
    return JSON.parse(text) as JsonScalar;
  } catch {
    return null;
  }
}

/** Fields of an object that is all there, in one line; NULL otherwise. */
function wholeObject(text: string): Map<string, JsonScalar> | null {
  if (!text.endsWith('}')) return null;
  try {
    return new Map(Object.entries(JSON.parse(text) as Record<string, JsonScalar>));
  } catch {
    return null;
  }
}

/** Adds the pairs of a stretch of text. A number without anything behind it may have lost digits, unless the line ends there on purpose. */
function readPairs(fields: Map<string, JsonScalar>, text: string, endsOnPurpose: boolean): void {
  for (const [, key, value, behind] of text.matchAll(PAIR)) {
    if (key === undefined || value === undefined) continue;
    const isClosed = value.startsWith('"') || /[,}]/.test(behind ?? '') || (endsOnPurpose && behind !== undefined);
    if (isClosed) fields.set(key, scalar(value));
  }
}

function openReader(emit: Emit): FormReader {
  let fields: Map<string, JsonScalar> | null = null;
  let firstLine = 0;

  const finish = (isCut: boolean): LineOutcome => {
    const done = fields;
    fields = null;
    if (done === null || done.size === 0) return TAKEN;
    if (isUlogdPacket(done)) {
      emit({ kind: 'captured-packet', line: firstLine, captured: ulogdPacket(done, isCut) });
      return TAKEN;
    }
    if (isUlogdFlow(done)) {
      const event = ulogdFlow(done);
      if (event === null) return { is: 'unread', reason: 'a flow that names no two ends', at: 0 };
      emit({ kind: 'ct-event', line: firstLine, event });
      return TAKEN;
    }
    return OTHER;
  };

  return {
    line(text, line) {
      const bare = text.trim();
      if (/^[[\]]?,?$/.test(bare)) return TAKEN;
      if (bare.startsWith('{')) {
        finish(true);
        fields = wholeObject(bare);
        firstLine = line;
        if (fields === null) {
          fields = new Map();
          readPairs(fields, bare, false);
        }
        return bare === '{' || fields.size === 0 ? TAKEN : finish(!/}\s*,?$/.test(bare));
      }
      if (fields === null) {
        if (!OWN_KEYS.test(bare)) return OTHER;
        fields = new Map();
        firstLine = line;
      }
      if (/^}\s*,?$/.test(bare)) return finish(false);
      const before = fields.size;
      readPairs(fields, bare, true);
      if (fields.size > before || bare.startsWith('"')) return TAKEN;
      finish(true);
      return OTHER;
    },
    end() {
      finish(true);
    },
  };
}

export const ulogdJsonForm: Form = {
  id: 'ulogd JSON',
  title: 'ulogd JSON: packets (plugin NFLOG) and flows (NFCT)',
  recognise(line) {
    if (OWN_KEYS.test(line)) return 90;
    return line.trim() === '{' ? 40 : 0;
  },
  open: (emit) => openReader(emit),
};
