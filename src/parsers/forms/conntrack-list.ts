// `conntrack -L`: the tracker's entries as the command lists them, in every version and with every -o but xml and save.

import { hintOf, hintOfPrompt } from '../conntrack/command.js';
import { findEntry, isCached, openListing } from '../conntrack/listing-reader.js';
import { readToolMessage } from '../conntrack/tool-message.js';
import type { Form } from '../form.js';

export const conntrackListForm: Form = {
  id: 'conntrack -L',
  title: 'entries listed by conntrack -L, main, dying or unconfirmed, also with -o extended, id, labels, ktimestamp',
  recognise(line, context) {
    const place = findEntry(line);
    if (place !== null) {
      if (isCached(line)) return 0;
      if (hintOf(context)?.subject === 'list') return 95;
      return place.isKnownProtocol ? 80 : 40;
    }
    if (hintOfPrompt(line)?.subject === 'list') return 90;
    const message = readToolMessage(line);
    if (message === null) return 0;
    if (message.is === 'shown') return message.what === 'entries' ? 95 : 0;
    return message.is === 'failed' ? 60 : 0;
  },
  open: (emit, context) => openListing(emit, context, { subject: 'list', list: 'main', endsInUse: true }),
};
