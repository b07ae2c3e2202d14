// A switch of the whole machine that several labs need at once: the first one in remembers what it found, the last one out puts it back,
// also when some of them were killed.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { putBackAtExit } from './lab.js';

const LOCK_STALE_MS = 2000;
let holderCount = 0;

export interface HeldSwitch {
  /** Puts the found value back if nobody else holds the switch. */
  release(): void;
}

/**
 * Writes `value` to the file `path` until released. `folder` (under /run) holds a file for each holder, named after its process,
 * with the value that the first of them had found.
 */
export function holdSwitch(path: string, value: string, folder: string): HeldSwitch {
  // With a newline: printk_devkmsg takes a word only as a whole line (kernel/printk/printk.c: devkmsg_sysctl_set_loglvl(), v6.1).
  const ownFile = join(folder, `${process.pid}-${++holderCount}`);
  withLock(folder, () => {
    // Whoever left a file, alive or killed, knew the value from before all of us.
    const [known] = readdirSync(folder).map((holder) => readFileSync(join(folder, holder), 'utf8'));
    writeFileSync(ownFile, known ?? readFileSync(path, 'utf8').trim());
    removeDeadHolders(folder);
    writeFileSync(path, `${value}\n`);
  });
  const release = putBackAtExit(() =>
    withLock(folder, () => {
      const found = readFileSync(ownFile, 'utf8');
      rmSync(ownFile);
      removeDeadHolders(folder);
      if (readdirSync(folder).length === 0) writeFileSync(path, `${found}\n`);
    }),
  );
  return { release };
}

function removeDeadHolders(folder: string): void {
  for (const holder of readdirSync(folder)) {
    if (!existsSync(`/proc/${Number.parseInt(holder, 10)}`)) rmSync(join(folder, holder), { force: true });
  }
}

/** Spins until the lock folder is ours; the work inside takes less than a millisecond. A lock older than 2 s has lost its owner. */
function withLock(folder: string, work: () => void): void {
  mkdirSync(folder, { recursive: true });
  const lock = `${folder}.lock`;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
      if (since !== undefined && Date.now() - since > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true });
    }
  }
  try {
    work();
  } finally {
    rmdirSync(lock);
  }
}
