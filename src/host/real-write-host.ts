// The real machine, for changing it. Files of ours are written so that a crash at any moment leaves the old or the new, never a half.

import { spawn } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { endingWithUs } from './end-with-us.js';
import { HostError } from './host.js';
import { hostError, type RealHostOptions, realHost } from './real-host.js';
import type { WriteHost } from './write-host.js';

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Writes beside the file; the caller gives it its name. A part-written file is removed. */
function writeBeside(path: string, text: string, mode = 0o600): string {
  const beside = `${path}.${process.pid}.new`;
  rmSync(beside, { force: true });
  const file = openSync(beside, 'wx', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } catch (error) {
    closeSync(file);
    rmSync(beside, { force: true });
    throw error;
  }
  closeSync(file);
  return beside;
}

/** A host that reads and changes this machine. */
export function realWriteHost(options: RealHostOptions = {}): WriteHost {
  const host = realHost(options);
  const trying = <T>(attempt: string, path: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw hostError(attempt, path, error);
    }
  };
  return {
    ...host,
    write: (path, text) => trying('write', path, () => writeFileSync(path, text, { flag: 'r+' })),
    writeDurably: (path, text, mode) =>
      trying('write', path, () => {
        renameSync(writeBeside(path, text, mode), path);
        syncFolder(dirname(path));
      }),
    createDurably: (path, text) =>
      trying('write', path, () => {
        const beside = writeBeside(path, text);
        try {
          linkSync(beside, path); // unlike rename, it does not replace what is there
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
          throw error;
        } finally {
          rmSync(beside, { force: true });
        }
        syncFolder(dirname(path));
        return true;
      }),
    rename: (from, to) =>
      trying('rename', from, () => {
        renameSync(from, to);
        syncFolder(dirname(to));
      }),
    makeFolder: (path) => trying('make', path, () => void mkdirSync(path, { recursive: true, mode: 0o700 })),
    remove: (path) => trying('remove', path, () => rmSync(path, { force: true })),
    runChanging: (command, args, runOptions) => host.run(command, args, runOptions),
    startDetached(command, args, { environment = {} } = {}) {
      const path = host.find(command);
      if (path === null) throw new HostError('missing', command, `cannot run ${command}: it is not installed`);
      const child = spawn(path, args, {
        detached: true,
        stdio: 'ignore',
        cwd: '/',
        env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...environment },
      });
      child.on('error', () => {}); // seen by the caller as a process that is not there
      child.unref();
      if (child.pid === undefined) throw new HostError('failed', command, `cannot start ${path}`);
      return child.pid;
    },
    startHeld(command, args, input) {
      const path = host.find(command);
      if (path === null) throw new HostError('missing', command, `cannot run ${command}: it is not installed`);
      // That its input ends would be enough, but not at once.
      const [program, words] = endingWithUs([path, ...args], 'KILL', '');
      const child = spawn(program, words, {
        detached: true,
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TERM: 'dumb' },
      });
      child.on('error', () => {}); // seen by the caller as a process that is not there
      child.stdin.on('error', () => {});
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('utf8')).slice(0, 4096);
      });
      if (child.pid === undefined) throw new HostError('failed', command, `cannot start ${path}`);
      child.stdin.write(input);
      // Nothing of it keeps us from ending; our end closes its input, and it ends too.
      child.unref();
      for (const pipe of [child.stdin, child.stderr]) (pipe as unknown as { unref?(): void }).unref?.();
      return {
        pid: child.pid,
        complaints: () => said,
        isRunning: () => child.exitCode === null && child.signalCode === null,
      };
    },
    endProcess(pid) {
      try {
        return process.kill(pid, 'SIGTERM');
      } catch {
        return false;
      }
    },
  };
}
