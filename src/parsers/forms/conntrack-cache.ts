// `conntrackd -i` and `-e`: what the daemon's caches hold, entries and expectations. The kernel may have forgotten them since.

import { hintOfPrompt } from '../conntrack/command.js';
import { findExpectation } from '../conntrack/expectation-line.js';
import { findEntry, isCached, openListing } from '../conntrack/listing-reader.js';
import type { Form } from '../form.js';

export const conntrackdCacheForm: Form = {
  id: 'conntrackd -i',
  title: 'entries and expectations in the internal or external cache of conntrackd',
  recognise(line) {
    if (isCached(line) && (findEntry(line) !== null || findExpectation(line) !== null)) return 97;
    return hintOfPrompt(line)?.subject === 'cache' ? 90 : 0;
  },
  open: (emit, context) => openListing(emit, context, { subject: 'cache', list: 'conntrackd', endsInUse: false }),
};
