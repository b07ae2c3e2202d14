// Node from 24.19 on aborts when its garbage collector, while no JavaScript runs, meets an object of an addon that was compiled for it
// (https://github.com/nodejs/node/issues/65446), and every statement of SQLite is one. There they are held, and let go while some does.

import type { Database } from 'better-sqlite3';
import { collectNow } from './collect-now.js';

/** Held before those that nobody uses any more are let go: a statement takes some kilobytes. */
const MOST = 2000;

/** Whether this is such a Node. */
export function isAffected(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === 24 && minor >= 19;
}

/** Objects that the garbage collector does not meet but when `collect` is called. */
export interface Hold {
  /** Holds one, and hands it back. */
  hold<T extends object>(object: T): T;
  /** Lets go of all but those that are used elsewhere; what was held since the last turn of the event loop stays. */
  collect(): void;
  readonly size: number;
}

/**
 * @param runGc collects garbage at once
 * @param later calls it in a later turn of the event loop
 */
export function openHold(runGc: () => void, later: (work: () => void) => void): Hold {
  let held: object[] = [];
  let references: WeakRef<object>[] = [];
  let most = MOST;
  let isWaiting = false;
  const self: Hold = {
    hold(object) {
      held.push(object);
      references.push(new WeakRef(object));
      if (held.length >= most && !isWaiting) {
        isWaiting = true;
        later(() => {
          isWaiting = false;
          self.collect();
        });
      }
      return object;
    },
    collect() {
      held = [];
      runGc();
      references = references.filter((reference) => {
        const object = reference.deref();
        if (object !== undefined) held.push(object);
        return object !== undefined;
      });
      most = Math.max(MOST, 2 * held.length);
    },
    get size() {
      return held.length;
    },
  };
  return self;
}

let hold: Hold | null = null;
const patched = new WeakSet<object>();

type Method = (...words: unknown[]) => object;

/** Has all that comes of a database held, where this Node needs it. */
export function holdObjectsOf(db: Database): void {
  if (!isAffected(process.versions.node)) return;
  // Nobody waits for it: a program that has ended need not collect.
  hold ??= openHold(collectNow, (work) => void setImmediate(work).unref());
  hold.hold(db);
  // The object of the addon lies behind a symbol; its methods make statements, and those iterators.
  for (const symbol of Object.getOwnPropertySymbols(db)) {
    const native: unknown = Reflect.get(db, symbol);
    if (typeof native !== 'object' || native === null || !('prepare' in native)) continue;
    hold.hold(native);
    holdResults(native, 'prepare', (statement) => holdResults(statement, 'iterate', () => undefined));
  }
}

function holdResults(of: object, name: string, onResult: (result: object) => void): void {
  const methods = Object.getPrototypeOf(of) as Record<string, Method>;
  const method = methods[name];
  if (method === undefined || patched.has(method)) return;
  const holding: Method = function (this: unknown, ...words) {
    const result = hold!.hold(method.apply(this, words));
    onResult(result);
    return result;
  };
  patched.add(holding);
  methods[name] = holding;
}
