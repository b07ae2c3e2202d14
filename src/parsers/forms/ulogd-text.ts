// ulogd's text outputs that are no kernel log: GPRINT (key=value, comma separated, packets and flows) and flows by LOGEMU or SYSLOG.

import { isPrintedFlow, printedFlow, ulogdFlow } from '../capture/ulogd-flow.js';
import { isUlogdFlow, isUlogdPacket, type JsonScalar, ulogdPacket } from '../capture/ulogd-object.js';
import { parseEnvelope } from '../envelope/parse-envelope.js';
import { type Form, OTHER, TAKEN } from '../form.js';

/** Keys as ulogd's plugins name them; a comma inside a prefix is followed by no such key. */
const KEY = /(?:^|,)((?:timestamp|[a-z][a-z0-9]*(?:\.[a-z0-9_]+)+))=/g;
const GPRINT = /^(?:timestamp=[^,]*,)?(?:raw|orig|oob|ct)\.[a-z0-9_.]+=/;
const LOCAL = /^(\d{4})\/(\d\d)\/(\d\d)-(\d\d:\d\d:\d\d)$/;

function gprintFields(text: string): Map<string, JsonScalar> {
  const fields = new Map<string, JsonScalar>();
  const keys = [...text.matchAll(KEY)];
  keys.forEach((match, index) => {
    const value = text.slice(match.index + match[0].length, keys[index + 1]?.index ?? text.length);
    if (!fields.has(match[1]!)) fields.set(match[1]!, /^-?\d{1,15}$/.test(value) ? Number(value) : value);
  });
  const local = LOCAL.exec(String(fields.get('timestamp') ?? ''));
  if (local !== null) fields.set('timestamp', `${local[1]}-${local[2]}-${local[3]}T${local[4]}`);
  return fields;
}

export const ulogdTextForm: Form = {
  id: 'ulogd text',
  title: 'ulogd GPRINT, and flows of NFCT by LOGEMU or SYSLOG',
  recognise: (line) => (GPRINT.test(line) ? 92 : isPrintedFlow(line) ? 96 : 0),
  open(emit) {
    return {
      line(text, line) {
        if (text.trim() === '') return TAKEN;
        if (isPrintedFlow(text)) {
          const event = printedFlow(text, parseEnvelope(text).stamps[0] ?? null);
          if (event === null) return { is: 'unread', reason: 'a flow that breaks off', at: text.length };
          emit({ kind: 'ct-event', line, event });
          return TAKEN;
        }
        if (!GPRINT.test(text)) return OTHER;
        const fields = gprintFields(text);
        if (isUlogdFlow(fields)) {
          const event = ulogdFlow(fields);
          if (event === null) return { is: 'unread', reason: 'a flow that names no two ends', at: text.length };
          emit({ kind: 'ct-event', line, event });
        } else if (isUlogdPacket(fields) && (fields.has('ip.protocol') || fields.has('ip6.nexthdr'))) {
          emit({ kind: 'captured-packet', line, captured: ulogdPacket(fields, false) });
        } else return { is: 'unread', reason: 'a packet without its header', at: text.length };
        return TAKEN;
      },
      end() {},
    };
  },
};
