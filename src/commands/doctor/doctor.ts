// ctwhy doctor: can this host, or this bundle, answer the questions people will ask?

import type { CommandSpec } from '../../cli/command.js';
import { DOCUMENT_OUTPUT_OPTIONS, FILE_FACT_OPTIONS, NETNS_OPTION, READ_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';

export const doctorCommand: CommandSpec<World> = {
  words: 'doctor',
  summary: 'can this host show the evidence, and what would mend it',
  description:
    'Asks the questions people come with of this host as it is set now: yes, part or no, the cure with its price, what this kernel can never show, and what to watch out for. It changes nothing: it loads no module, makes no table and writes no file; lines that would keep a setting are printed only. With -r it answers for the host that the files are from.',
  effect: 'none',
  options: [NETNS_OPTION, ...DOCUMENT_OUTPUT_OPTIONS, ...READ_OPTIONS, ...FILE_FACT_OPTIONS],
  examples: [
    { command: 'ctwhy doctor', says: 'this host; as root it sees rules, too' },
    { command: 'sudo ctwhy doctor --netns web', says: 'within a network namespace' },
    { command: 'ctwhy doctor -r case.tar', says: 'what these files can tell, and what to ask for' },
    { command: 'ctwhy doctor --json', says: 'the same for a script' },
  ],
  load: () => import('./doctor-run.js'),
};
