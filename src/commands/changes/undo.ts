// ctwhy undo, which is also changes revert, and log-invalid disable and the like for one kind.

import { defineUndo } from './undo-spec.js';

export const undoCommand = defineUndo('undo');
export const changesRevertCommand = defineUndo('changes revert');
