// ctwhy help exit-codes.

import { EXIT_CODE_MEANINGS } from '../../cli/exit-codes.js';
import type { Topic } from './topic.js';

export const exitCodesTopic: Topic = {
  name: 'exit-codes',
  says: 'what the exit codes mean',
  lines: async () => [
    'Exit codes',
    '',
    ...EXIT_CODE_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
    'A closed pipe (ctwhy … | head) is no error: 0.',
  ],
};
