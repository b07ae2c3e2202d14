// Which writer of the store takes which kind of record. A new kind of record is a writer in store/ and one line here.

import type { WriterTable } from './evidence-writer.js';

export const WRITERS: WriterTable = {
  streams: [],
  listings: [],
};
