// Writes one fixture folder: plain outputs named after their commands, and the MANIFEST that says when and how each was taken.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { nowUs, secondsText } from '../lab/clock.js';
import type { LabHost } from '../lab/lab.js';
import { type Background, type Finished, listensToNetlinkGroup, waitUntil } from '../lab/process.js';

export type Moment = 'before' | 'during' | 'after';

/** What a source could show between two times (microseconds since the epoch). */
export interface Coverage {
  readonly what: string;
  readonly state: 'complete' | 'limited' | 'lost' | 'cannot-show' | 'off';
  readonly fromUs?: number;
  readonly toUs?: number;
  readonly why?: string;
}

export interface Listener {
  /** From when on it really listened. */
  readonly listeningSinceUs: number;
  output(): string;
  /** Ends it, keeps its output as a part and states what it covered. */
  stop(): Promise<void>;
}

export interface ListenerWords {
  readonly file: string;
  readonly command: string;
  /** Subjects of the coverage lines, for instance `events`. */
  readonly covers: readonly string[];
  /** How to tell that it listens; by default its socket is bound to a netlink group. */
  readonly isReady?: (background: Background) => boolean;
  /** Where the program writes the file itself (a capture), its bytes; else its standard output. */
  readonly isBinary?: boolean;
}

export interface Bundle {
  /** Runs a command on the observed host and keeps its standard output, compressed where the name ends in .gz. */
  take(file: string, command: string, moment?: Moment): Promise<Finished>;
  listen(words: ListenerWords): Promise<Listener>;
  /** Keeps a text that `command` would have printed now. */
  keep(file: string, content: string, command: string): void;
  state(coverage: Coverage): void;
  /** A line of the manifest: `host`, `kernel`, `boot-time`, `note`, … */
  say(key: string, value: string): void;
  ran(atUs: number, command: string): void;
  /** Writes the manifest. Coverage without an end lasted until endUs. */
  finish(endUs: number, statesCoverage: boolean): void;
  text(file: string): string;
}

/** Begins the folder anew. Order of the manifest: what the host is, what was taken, what was covered, what was run. */
export function openBundle(folder: string, host: LabHost): Bundle {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const statements: string[] = [];
  const parts: { startUs: number; line: string }[] = [];
  const covered: Coverage[] = [];
  const commands: string[] = [];
  const texts = new Map<string, string>();

  function write(file: string, content: string | Buffer): void {
    writeFileSync(join(folder, file), file.endsWith('.gz') ? gzipSync(content, { level: 9 }) : content);
    texts.set(file, content.toString());
  }

  function addPart(file: string, finished: Finished, moment?: Moment): void {
    const words = [
      `part ${file}`,
      `start=${secondsText(finished.startedAtUs)}`,
      `end=${secondsText(finished.endedAtUs)}`,
      `exit=${finished.exitStatus ?? 'signal'}`,
    ];
    if (moment !== undefined) words.push(`moment=${moment}`);
    if (finished.exitStatus !== 0 && finished.stderr !== '') words.push(`error=${quote(finished.stderr)}`);
    words.push(`command=${finished.command}`);
    parts.push({ startUs: finished.startedAtUs, line: words.join(' ') });
  }

  return {
    async take(file, command, moment) {
      const finished = await host.attempt(command);
      write(file, finished.stdout);
      addPart(file, finished, moment);
      return finished;
    },
    async listen(words) {
      const background = host.start(words.command);
      const isReady = words.isReady ?? ((one: Background) => listensToNetlinkGroup(one.pid));
      await waitUntil(`${words.command} listens`, () => isReady(background));
      const listeningSinceUs = nowUs();
      return {
        listeningSinceUs,
        output: background.output,
        async stop() {
          const finished = await background.stop('SIGINT');
          write(words.file, words.isBinary === true ? background.outputBytes() : finished.stdout);
          // A listener is always ended by a signal; that says nothing of how well it listened.
          addPart(words.file, { ...finished, exitStatus: finished.exitStatus ?? 0 });
          for (const what of words.covers) {
            covered.push({ what, state: 'complete', fromUs: listeningSinceUs, toUs: finished.endedAtUs });
          }
        },
      };
    },
    keep(file, content, command) {
      const startedAtUs = nowUs();
      write(file, content);
      addPart(file, { command, stdout: '', stderr: '', exitStatus: 0, startedAtUs, endedAtUs: nowUs() }, 'after');
    },
    state: (one) => void covered.push(one),
    say: (key, value) => void statements.push(`${key} ${value}`),
    ran: (atUs, command) => void commands.push(`ran ${secondsText(atUs)} ${command}`),
    finish(endUs, statesCoverage) {
      const coverage = statesCoverage ? covered.map((one) => coverageLine(one, endUs)) : [];
      const inOrder = parts.sort((a, b) => a.startUs - b.startUs).map((part) => part.line);
      const lines = ['ctwhy-bundle 1', ...statements, ...inOrder, ...coverage, ...commands];
      writeFileSync(join(folder, 'MANIFEST'), `${lines.join('\n')}\n`);
    },
    text: (file) => texts.get(file) ?? '',
  };
}

function coverageLine(one: Coverage, endUs: number): string {
  const words = [`coverage ${one.what}`, `state=${one.state}`];
  if (one.fromUs !== undefined) words.push(`from=${secondsText(one.fromUs)}`, `to=${secondsText(one.toUs ?? endUs)}`);
  if (one.why !== undefined) words.push(`why=${quote(one.why)}`);
  return words.join(' ');
}

function quote(text: string): string {
  return `"${text.trim().replace(/\s+/g, ' ').replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
