// ctwhy dyndbg: conntrack's debug lines, by what they tell.

import type { CommandSpec, OptionSpec } from '../../cli/command.js';
import { CHANGE_OPTIONS, ROW_OUTPUT_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { undoOfKind } from '../changes/of-kind.js';

const CHOOSE: readonly OptionSpec[] = [
  { name: 'reason', argument: 'ID', describe: 'callsites that tell this reason (ctwhy reasons list)', group: 'Filter' },
  { name: 'function', argument: 'NAME', describe: 'part of the name of the function', group: 'Filter' },
  { name: 'message', argument: 'TEXT', describe: 'part of the message', group: 'Filter' },
  { name: 'module', argument: 'NAME', describe: 'module: nf_conntrack, nf_conntrack_ftp …', group: 'Filter' },
];

export const dyndbgListCommand: CommandSpec<World> = {
  words: 'dyndbg list',
  summary: "conntrack's debug callsites of this kernel, what each tells",
  description:
    "Lists conntrack's dynamic-debug callsites as this kernel has them, whether they print, and what each tells. For a reason whose callsite is gone it says what replaced it.",
  effect: 'none',
  options: [...CHOOSE, ...ROW_OUTPUT_OPTIONS],
  examples: [
    { command: 'ctwhy dyndbg list --reason tcp-invalid-new', says: 'where this kernel says so' },
    { command: 'ctwhy dyndbg', says: 'all of them' },
  ],
  isDefaultVerb: true,
  load: () => import('./list-run.js'),
};

export const dyndbgEnableCommand: CommandSpec<World> = {
  words: 'dyndbg enable',
  summary: 'switch debug lines of conntrack on, by what they tell',
  description:
    'Switches callsites on by reason, function or message on the kernel that runs now, with module and function in front of each line. It ends by itself after 5 minutes. The lines carry no addresses, so none of them is decisive alone.',
  effect: 'system',
  options: [
    ...CHOOSE,
    ...CHANGE_OPTIONS.filter(({ name }) => name !== 'netns'),
    { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' },
  ],
  examples: [
    { command: 'ctwhy dyndbg enable --reason tcp-invalid-new', says: 'kernels before 6.7' },
    { command: 'ctwhy dyndbg enable --message tcp_in_window --for 1min', says: 'the window arithmetic, until 5.18' },
  ],
  load: () => import('./enable-run.js'),
};

export const dyndbgDisableCommand = undoOfKind('dyndbg', {
  words: 'dyndbg disable',
  summary: 'put debug callsites back as they were',
  description: 'The same as undo for changes of this kind. Callsites that somebody else switched on stay as they are.',
  examples: [
    { command: 'ctwhy dyndbg disable', says: 'all of them' },
    { command: 'ctwhy dyndbg disable C7', says: 'one change' },
  ],
});
