// The bundle as a POSIX shell script, for hosts without ctwhy: the commands of parts.ts in the frame of src/survey/bundle/frame.sh.

import { MANIFEST_FIRST_LINE } from './manifest.js';
import {
  BUNDLE_PARTS,
  type BundlePart,
  EVENTS_PART,
  fileOf,
  HOST_STATEMENTS,
  MOST_INTERFACES,
  type Need,
  type Words,
} from './parts.js';

export interface ScriptWish {
  /** Seconds between two readings where -t does not say; 0: one reading. */
  readonly forSeconds: number;
  /** 'ctwhy 0.1.0'. */
  readonly madeBy: string;
}

/**
 * The whole script.
 * @param frame text of src/survey/bundle/frame.sh: lines '#= NAME' stand for what is filled in here
 */
export function bundleScript(frame: string, { forSeconds, madeBy }: ScriptWish): string {
  const filled: Readonly<Record<string, readonly string[]>> = {
    settings: [
      `seconds=${forSeconds}`,
      `first_line=${word(MANIFEST_FIRST_LINE)}`,
      `made_by=${word(`${madeBy} (script)`)}`,
      `most_interfaces=${MOST_INTERFACES}`,
    ],
    statements: HOST_STATEMENTS.map(({ key, command }) => `  state ${key} ${words(command)}`),
    moving: BUNDLE_PARTS.filter((one) => one.isMoving).flatMap(partLines),
    settled: BUNDLE_PARTS.filter((one) => !one.isMoving).flatMap(partLines),
    listener: listenerLines(),
  };
  return frame.replaceAll(/^#= (\w+)$/gm, (_, name: string) => filled[name]!.join('\n'));
}

/** A word for sh: as it is where that is harmless, in quotes otherwise. */
function word(text: string): string {
  return /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function words(command: Words): string {
  return command.map(word).join(' ');
}

/** Lines that read one part, indented for the body of a function. */
function partLines(part: BundlePart): readonly string[] {
  const how = `${part.mayBeEmpty ? 'any' : 'some'} ${part.isPerInterface ? 'each' : 'once'}`;
  const begin = `begin ${part.stem}"$suffix".${part.ending}`;
  const attempts = [...part.commands.map((command) => `take ${how} ${words(command)}`), 'failed'].join(' ||\n    ');
  const { need } = part;
  if (need === null) return [`  ${begin}`, `  ${attempts}`];
  if (need.is !== 'lists')
    return [`  if ${test(need)}; then`, `    ${begin}`, `    ${attempts.replaceAll('\n', '\n  ')}`, '  fi'];
  return [
    `  lists ${word(need.path)}`,
    '  case $? in',
    '    0)',
    `      ${begin}`,
    `      ${attempts.replaceAll('\n', '\n    ')} ;;`,
    '    2)',
    `      ${begin}`,
    `      denied ${word(need.path)} ${words(part.commands[0]!)} ;;`,
    '  esac',
  ];
}

function test(need: Exclude<Need, { is: 'lists' }>): string {
  return need.is === 'module' ? `loaded ${word(need.name)}` : `[ -e ${word(need.path)} ]`;
}

function listenerLines(): readonly string[] {
  const command = EVENTS_PART.commands[0]!;
  const need = EVENTS_PART.need as Exclude<Need, { is: 'lists' }>;
  return [
    `listen_file=${fileOf(EVENTS_PART, null)}`,
    `listen_command=${word(command.join(' '))}`,
    'listen() {',
    `  if ${test(need)} && command -v ${word(command[0])} >/dev/null 2>&1; then`,
    '    now',
    '    listen_start=$now',
    `    ${words(command)} >"$dir/$listen_file" 2>"$dir/.listen" </dev/null &`,
    '    listener=$!',
    '    sleep 1',
    '    now',
    '    listen_from=$now',
    '  fi',
    '}',
  ];
}
