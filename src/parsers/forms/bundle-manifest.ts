// MANIFEST of a bundle: the first file of what `ctwhy bundle` and its script write.

import { type Form, TAKEN } from '../form.js';
import { readManifestLine } from '../host/manifest-line.js';

const FIRST_LINE = /^ctwhy-bundle 1\s*$/;

export const bundleManifestForm: Form = {
  id: 'bundle manifest',
  title: 'MANIFEST of a bundle made by ctwhy',
  recognise: (line) => (FIRST_LINE.test(line) ? 100 : 0),
  open: (emit) => ({
    line(text, line) {
      if (text.trim() === '' || text.startsWith('#') || FIRST_LINE.test(text)) return TAKEN;
      const statement = readManifestLine(text);
      if (typeof statement === 'string') return { is: 'unread', reason: statement, at: 0 };
      emit({ kind: 'bundle', line, statement });
      return TAKEN;
    },
    end() {},
  }),
};
