// Every form the ingest reads, in the order in which equal claims are settled. A new source format is a file in parsers/forms/
// and one line here.

import type { BinaryForm, Form } from '../parsers/form.js';

export const FORMS: readonly Form[] = [];

export const BINARY_FORMS: readonly BinaryForm[] = [];
