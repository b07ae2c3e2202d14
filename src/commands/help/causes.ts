// ctwhy help causes: every class of explanation, from its own declaration: what it needs, what decides, what it could be taken for.

import type { CauseWords } from '../../analysis/causes/cause.js';
import { CAUSES, HOST_CAUSES } from '../../analysis/causes/index.js';
import { documentWidth, type Line, segment } from '../../presentation/document.js';
import { wrapText } from '../../text/wrap.js';
import type { Topic } from './topic.js';

const LABEL = 12;

/** All that is declared of causes, those of one class together; of packets first. */
export const CAUSE_TABLE: readonly CauseWords[] = [...CAUSES, ...HOST_CAUSES].sort((a, b) =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0,
);

function field(label: string, text: string, width: number): readonly Line[] {
  if (text === '') return [];
  return wrapText(text, width - 2 - LABEL).map(
    (part, at): Line => [segment('dim', `  ${(at === 0 ? label : '').padEnd(LABEL)}`), segment('plain', part)],
  );
}

function causeLines(cause: CauseWords, isFirst: boolean, width: number): readonly Line[] {
  return [
    ...(isFirst ? [[segment('head', cause.id)]] : []),
    ...field('is', cause.title, width),
    ...field('needs', cause.needs, width),
    ...field('decides', cause.decides, width),
    ...field('looks like', cause.looksLike.join('; '), width),
    ...field('finer', cause.causes.join(', '), width),
    ...field('kernels', cause.kernels, width),
    ...field('evidence', cause.evidence.join(', '), width),
    '',
  ];
}

export const causesTopic: Topic = {
  name: 'causes',
  says: 'every class of explanation: what decides, what looks like it',
  async lines(world) {
    const width = documentWidth(world.streams.out);
    return CAUSE_TABLE.flatMap((cause, at) => causeLines(cause, CAUSE_TABLE[at - 1]?.id !== cause.id, width)).slice(
      0,
      -1,
    );
  },
};
