// ctwhy help formats: what ingest and -r read, from the list of forms itself.

import { segment, wrap } from '../../presentation/document.js';
import type { Topic } from './topic.js';

export const formatsTopic: Topic = {
  name: 'formats',
  says: 'what ingest and -r read',
  async lines() {
    const { BINARY_FORMS, FORMS } = await import('../../ingest/form-list.js');
    const forms = [...FORMS, ...BINARY_FORMS];
    return [
      'Forms are recognised by content, never by name, and may be mixed in one file:',
      'a mail with a listing, a log and a ruleset is read as all three.',
      '',
      ...forms.flatMap(({ id, title }) => [[segment('head', `  ${id}`)], ...wrap(title, 80, '      ')]),
      '',
      'Around them',
      '  gzip, xz, zstd, bzip2, lz4   unpacked on the way (bzip2, lz4, xz and zstd by',
      '                               the program of that name)',
      '  tar                          every member, also of compressed tars',
      '  folders                      every file below, without following links',
      '  sosreport                    the tar or the folder as it is',
      '  prompts in front of commands, CRLF, NUL bytes, cut and garbled lines',
      '',
      'Lines that look like evidence and cannot be read are counted, kept and shown:',
      '  ctwhy query unread',
    ];
  },
};
