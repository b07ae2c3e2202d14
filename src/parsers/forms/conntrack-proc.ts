// /proc/net/nf_conntrack and the older /proc/net/ip_conntrack: the kernel's own listing of its main list.

import { hintOf, hintOfPrompt } from '../conntrack/command.js';
import { findEntry, isCached, openListing } from '../conntrack/listing-reader.js';
import type { Form } from '../form.js';

/** Only /proc prints IPv6 addresses in full, zone=0, and GRE's timeouts; conntrack has the same columns with -o extended. */
const ONLY_PROC = /^ipv[46] +\d+ .*(?:src=(?:[0-9a-f]{4}:){7}[0-9a-f]{4} | zone=0 | stream_timeout=\d+ )/;

export const procConntrackForm: Form = {
  id: '/proc/net/nf_conntrack',
  title: 'entries as the kernel lists them in /proc/net/nf_conntrack or ip_conntrack',
  recognise(line, context) {
    if (findEntry(line) !== null && !isCached(line)) {
      if (hintOf(context)?.subject === 'proc') return 98;
      return ONLY_PROC.test(line) ? 90 : /^ipv[46] +\d+ /.test(line) ? 70 : 0;
    }
    return hintOfPrompt(line)?.subject === 'proc' ? 90 : 0;
  },
  open: (emit, context) => openListing(emit, context, { subject: 'proc', list: 'main', endsInUse: true }),
};
