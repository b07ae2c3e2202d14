// From the command line to an exit code. The only place where errors become words and numbers.

import type { CommandInput } from './cli/command.js';
import { EXIT, type ExitCode } from './cli/exit-codes.js';
import { COMMANDS } from './commands/index.js';
import { HostError } from './host/host.js';
import {
  FailedError,
  PartlyChangedError,
  RefusedError,
  StoreError,
  UnsupportedError,
  UsageError,
} from './text/errors.js';
import { fitSentences } from './text/wrap.js';
import type { World } from './world.js';

/** Runs one command line. Never throws and never ends the process. */
export async function main(words: readonly string[], world: World): Promise<ExitCode> {
  let command: string | null = null;
  try {
    // The bare name is answered without the parser: it takes longer than the answer.
    if (words.length === 0) return await runStatus(world);
    const { parseCommandLine } = await import('./cli/program.js');
    const parsed = await parseCommandLine(words, COMMANDS, {
      name: world.programName,
      version: packageVersion(world),
      width: world.streams.out.width,
      isThere: (word) => isThere(world, word),
    });
    if (parsed.is === 'text') {
      world.streams.out.write(parsed.text);
      return EXIT.done;
    }
    if (parsed.is === 'nothing') throw new UsageError('this needs a command', `Commands: ${world.programName} --help`);
    command = parsed.spec.words;
    const netns = parsed.input.values['netns']?.[0];
    const isEntered = parsed.spec.entersNetns?.(parsed.input) !== false;
    if (isEntered && netns !== undefined && world.environment['CTWHY_NETNS'] !== netns)
      return (await world.runAgainIn(netns, words)) as ExitCode;
    const { run } = await parsed.spec.load();
    return await run(parsed.input, world);
  } catch (error) {
    return explainError(error, command, world);
  }
}

async function runStatus(world: World): Promise<ExitCode> {
  const input: CommandInput = {
    words: 'status',
    knownCommands: COMMANDS.map(({ words }) => words),
    positionals: {},
    rest: [],
    switches: new Set(),
    values: {},
  };
  const { run } = await import('./commands/status-run.js');
  return await run(input, world);
}

function isThere(world: World, word: string): boolean {
  try {
    return world.host.look(word) !== null;
  } catch {
    return true; // it is there, but may not be asked: the error about it comes when it is read
  }
}

function packageVersion(world: World): string {
  const text = world.host.read(`${world.packageRoot}package.json`);
  return String((JSON.parse(text) as { version: unknown }).version);
}

/** @param command that was begun, for a pointer to its help; NULL: none */
function explainError(error: unknown, command: string | null, world: World): ExitCode {
  const { err } = world.streams;
  const print = (text: string) => err.write(fitSentences(text, err));
  const say = (text: string) => print(`ctwhy: ${text}`);
  if (world.signal.aborted) {
    const isTerm = world.signal.reason === 'SIGTERM';
    say(isTerm ? 'ended by TERM' : 'stopped');
    return isTerm ? EXIT.terminated : EXIT.interrupted;
  }
  if (error instanceof UsageError) {
    say(error.message);
    const help = command === null ? null : `Try: ${world.programName} ${command} --help`;
    if (error.hint !== null) print(error.hint);
    if (help !== null) print(help);
    return EXIT.usage;
  }
  if (error instanceof StoreError) {
    say(error.message);
    return EXIT.storeUnusable;
  }
  if (error instanceof RefusedError) {
    say(error.message);
    return EXIT.refused;
  }
  if (error instanceof PartlyChangedError) {
    say(error.message);
    return EXIT.partlyChanged;
  }
  if (error instanceof UnsupportedError) {
    say(error.message);
    return EXIT.hostLacks;
  }
  if (error instanceof HostError) {
    say(error.message);
    return error.kind === 'unsupported' ? EXIT.hostLacks : error.kind === 'busy' ? EXIT.refused : EXIT.failed;
  }
  if (error instanceof FailedError) {
    say(error.message);
    return EXIT.failed;
  }
  say(`a fault of ctwhy itself: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Error && error.stack !== undefined) print(error.stack.split('\n').slice(1).join('\n'));
  print('Please report it with the command and, if you may, the files: nothing of the store was half-written.');
  return EXIT.failed;
}
