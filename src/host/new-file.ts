// A file that a person asked for, written beside its name and given it only when it is whole.

import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { HostError } from './host.js';
import { hostError } from './real-host.js';

const PIECE_BYTES = 1 << 20;

export interface NewFile {
  sizeBytes(): number;
  /** @throws HostError; with 'no space left' in the message when the disk is full */
  append(bytes: Uint8Array): void;
  /** Writes over bytes that are there. @throws HostError */
  patch(atByte: number, bytes: Uint8Array): void;
  /** Forgets what lies behind. @throws HostError */
  cutBack(sizeBytes: number): void;
  /** Its content from the beginning. */
  pieces(): Generator<Uint8Array>;
  /** Gives it its name. @throws HostError when the name is taken and may not be, or on any other failure; then it is still to be discarded */
  publish(options: { readonly replaces: boolean }): void;
  /** Removes it; nothing where it has its name. May be called twice. */
  discard(): void;
}

/**
 * Opens a file for the user alone (mode 0600).
 * @param beside its name until it is whole, in the same folder @throws HostError
 */
export function openNewFile(path: string, beside: string): NewFile {
  const trying = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOSPC' || code === 'EDQUOT')
        throw new HostError('failed', path, `cannot write ${path}: no space left on its disk; nothing was kept`, {
          cause: error,
        });
      throw hostError('write', path, error);
    }
  };
  const file = trying(() => openSync(beside, 'wx+', 0o600));
  let size = 0;
  let isOpen = true;
  let hasName = false;
  const close = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  const writeAll = (bytes: Uint8Array, at: number): void => {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at + done);
  };
  return {
    sizeBytes: () => size,
    append(bytes) {
      trying(() => writeAll(bytes, size));
      size += bytes.length;
    },
    patch: (atByte, bytes) => trying(() => writeAll(bytes, atByte)),
    cutBack(sizeBytes) {
      trying(() => ftruncateSync(file, sizeBytes));
      size = sizeBytes;
    },
    *pieces() {
      const buffer = Buffer.alloc(PIECE_BYTES);
      for (let at = 0; at < size; ) {
        const got = readSync(file, buffer, 0, buffer.length, at);
        if (got === 0) return;
        at += got;
        yield Uint8Array.prototype.slice.call(buffer, 0, got);
      }
    },
    publish({ replaces }) {
      trying(() => fsyncSync(file));
      if (replaces) trying(() => renameSync(beside, path));
      else link(path, beside, trying);
      hasName = true;
      close();
    },
    discard() {
      close();
      if (!hasName) rmSync(beside, { force: true });
    },
  };
}

/** A file of our own while we run: it has no name, so it is gone when we are, however we end. */
export type ScratchFile = Omit<NewFile, 'publish'>;

/** @param beside a name that nobody has, for the moment of opening @throws HostError */
export function openScratchFile(beside: string): ScratchFile {
  const file = openNewFile(beside, beside);
  rmSync(beside, { force: true });
  return file;
}

/** Unlike rename, link does not replace what is there. */
function link(path: string, beside: string, trying: <T>(work: () => T) => T): void {
  try {
    linkSync(beside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new HostError('busy', path, `${path} is there already; nothing was written over it`);
    // File systems without hard links (FAT, some shares).
    if (code !== 'EPERM' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw hostError('write', path, error);
    trying(() => renameSync(beside, path));
    return;
  }
  rmSync(beside, { force: true });
}
