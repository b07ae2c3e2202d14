// The journal of changes: a folder of the host with one synced file a change, apart from any store, so that undoing needs nothing else.

import { HostError } from '../host/host.js';
import type { WriteHost } from '../host/write-host.js';
import { type Change, changeId } from '../model/change.js';
import { RefusedError } from '../text/errors.js';

export const DEFAULT_JOURNAL_FOLDER = '/var/lib/ctwhy/changes';
/** Ended changes that are kept for `changes list --ended`. */
const KEPT_ENDED = 200;

export interface JournalContent {
  /** Oldest first. */
  readonly changes: readonly Change[];
  /** Files that hold no change that this program can read: said, never skipped in silence. */
  readonly unreadable: ReadonlyArray<{ readonly path: string; readonly why: string }>;
}

export interface Journal {
  readonly folder: string;
  /** Everything that was journaled; nothing where the folder is missing. @throws HostError when it may not be read */
  read(): JournalContent;
  /** The number that the next change will get, unless another takes it. */
  nextNumber(): number;
  /**
   * Writes the intent under the next number that is `atLeast` so high.
   * @throws HostError when it cannot be kept: then nothing may be done
   */
  create(draft: (number: number) => Change, atLeast?: number): Change;
  /**
   * Writes what became of it. On a full disk an ended change is marked by its file's name.
   * @throws HostError
   */
  save(change: Change): void;
}

const FILE = /^C(\d{1,6})\.json(\.ended)?$/;

/** The journal in a folder. Nothing is made before the first change. */
export function openJournal(host: WriteHost, folder: string): Journal {
  const pathOf = (number: number) => `${folder}/${changeId({ number })}.json`;

  function names(): readonly string[] {
    try {
      return host.list(folder).filter((name) => FILE.test(name));
    } catch (error) {
      if (error instanceof HostError && error.kind === 'missing') return [];
      if (error instanceof HostError && error.kind === 'denied')
        throw new RefusedError(`the journal of changes, ${folder}, is root's to read: use sudo`, { cause: error });
      throw error;
    }
  }

  function read(): JournalContent {
    const changes: Change[] = [];
    const unreadable: { path: string; why: string }[] = [];
    for (const name of names()) {
      const path = `${folder}/${name}`;
      try {
        const change = asChange(host.read(path));
        const isEnded = name.endsWith('.ended');
        changes.push(isEnded && change.state !== 'ended' ? endedByName(change) : change);
      } catch (error) {
        unreadable.push({ path, why: (error as Error).message });
      }
    }
    return { changes: changes.sort((a, b) => a.number - b.number), unreadable };
  }

  const nextNumber = () => Math.max(0, ...names().map((name) => Number(FILE.exec(name)?.[1]))) + 1;

  function prune(): void {
    const ended = read().changes.filter((change) => change.state === 'ended');
    for (const change of ended.slice(0, -KEPT_ENDED)) {
      host.remove(pathOf(change.number));
      host.remove(`${pathOf(change.number)}.ended`);
      host.remove(`${pathOf(change.number)}.seen`);
    }
  }

  return {
    folder,
    read,
    nextNumber,
    create(draft, atLeast = 1) {
      host.makeFolder(folder);
      for (let number = Math.max(atLeast, nextNumber()); ; number++) {
        const change = draft(number);
        if (host.createDurably(pathOf(number), asText(change))) {
          prune();
          return change;
        }
      }
    },
    save(change) {
      const path = pathOf(change.number);
      try {
        host.writeDurably(path, asText(change));
      } catch (error) {
        if (change.state !== 'ended' || host.look(path) === null) throw error;
        host.rename(path, `${path}.ended`);
      }
    },
  };
}

function asText(change: Change): string {
  return `${JSON.stringify(change, null, 2)}\n`;
}

/** @throws Error saying what is wrong with the text */
function asChange(text: string): Change {
  let value: Partial<Change>;
  try {
    value = JSON.parse(text) as Partial<Change>;
  } catch {
    throw new Error('it holds no JSON: damaged');
  }
  if (value.schema !== 'ctwhy.change/1')
    throw new Error(`it was written by another version of ctwhy (${String(value.schema)})`);
  if (!Number.isInteger(value.number) || !Array.isArray(value.acts)) throw new Error('it is incomplete: damaged');
  return value as Change;
}

function endedByName(change: Change): Change {
  const note = 'the disk was full: when it ended was not kept';
  return { ...change, state: 'ended', result: { endedAtUs: change.madeAtUs, how: 'undone', left: [], note } };
}
