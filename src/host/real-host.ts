// The real machine. The only file that imports the file system and execa.

import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { PassThrough, pipeline } from 'node:stream';
import { fileChunks } from './file-chunks.js';
import {
  type CommandResult,
  type HeldFile,
  HostError,
  type HostErrorKind,
  type HostIdentity,
  type ProgramOutput,
  type ReadHost,
  type RunOptions,
} from './host.js';
import { belowRoot } from './root-prefix.js';
import { waitingStream } from './waiting-stream.js';

const KINDS: Readonly<Record<string, HostErrorKind>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  EBUSY: 'busy',
  ENOSYS: 'unsupported',
  EOPNOTSUPP: 'unsupported',
};
const WORDS: Readonly<Record<HostErrorKind, string>> = {
  missing: 'no such file or directory',
  denied: 'permission denied',
  unsupported: 'not supported here',
  busy: 'busy',
  failed: 'failed',
};

/** What the system said, as a sentence about what was attempted on what. */
export function hostError(attempt: string, path: string, error: unknown): HostError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const kind = KINDS[code] ?? 'failed';
  const what =
    code === 'EISDIR' ? 'it is a directory' : kind === 'failed' ? String((error as Error).message) : WORDS[kind];
  return new HostError(kind, path, `cannot ${attempt} ${path}: ${what}`, { cause: error });
}

/** UTF-8 where it is UTF-8, latin1 otherwise: a byte that is no character must not become U+FFFD. */
function decode(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('�') && !bytes.includes('\xef\xbf\xbd', 0, 'latin1') ? bytes.toString('latin1') : text;
}

export interface RealHostOptions {
  /** '/' for this machine; a folder with proc/, sys/, etc/ for a captured one. */
  readonly root?: string;
  readonly searchPath?: string;
}

/** Of a file at once. */
const MOST_READ_BYTES = 1 << 20;
const LEAST_READ_BYTES = 1 << 14;

/** Magic numbers of include/uapi/linux/magic.h: proc, sysfs, debugfs, tracefs, cgroup, cgroup2, securityfs, bpf, pstore, selinuxfs. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x27e0eb, 0x63677270, 0x73636673, 0xcafe4a11, 0x6165676c, 0xf97cff8c,
]);

/** A host that reads this machine. Programs run without a shell, with the C locale and with a time limit of 60 s unless told. */
export function realHost({
  root = '/',
  searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
}: RealHostOptions = {}): ReadHost {
  const folders = [...new Set([...searchPath.split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'])].filter(
    (folder) => folder.startsWith('/'),
  );
  const environment = { PATH: folders.join(delimiter), LC_ALL: 'C', TZ: 'UTC' };

  const find = (command: string): string | null => {
    if (command.includes('/')) return command;
    for (const folder of folders) {
      const path = join(folder, command);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {}
    }
    return null;
  };
  const needed = (command: string): string => {
    const path = find(command);
    if (path === null)
      throw new HostError(
        'missing',
        command,
        `cannot run ${command}: it is not installed (not found in ${folders.join(', ')})`,
      );
    return path;
  };
  /** ip netns knows names; paths and process ids need nsenter. */
  const within = (
    netns: string | undefined,
    path: string,
    args: readonly string[],
  ): readonly [string, readonly string[]] => {
    if (netns === undefined) return [path, args];
    if (/^\d+$/.test(netns)) return [needed('nsenter'), [`--net=/proc/${netns}/ns/net`, '--', path, ...args]];
    if (netns.startsWith('/')) return [needed('nsenter'), [`--net=${netns}`, '--', path, ...args]];
    return [needed('ip'), ['netns', 'exec', netns, path, ...args]];
  };
  const asResult = (
    command: string,
    result: {
      exitCode?: number;
      signal?: string;
      stdout?: unknown;
      stderr?: unknown;
      timedOut: boolean;
      durationMs: number;
    },
  ): CommandResult => ({
    command,
    exitStatus: result.exitCode ?? null,
    signal: result.signal ?? null,
    stdout: typeof result.stdout === 'string' ? result.stdout : '',
    stderr: typeof result.stderr === 'string' ? result.stderr : '',
    isTimedOut: result.timedOut,
    durationMs: result.durationMs,
  });

  const host: ReadHost = {
    read(path) {
      try {
        return decode(readFileSync(belowRoot(root, path)));
      } catch (error) {
        throw hostError('read', path, error);
      }
    },
    readOrNull(path) {
      try {
        return decode(readFileSync(belowRoot(root, path)));
      } catch {
        return null;
      }
    },
    list(path) {
      try {
        return readdirSync(belowRoot(root, path)).sort();
      } catch (error) {
        throw hostError('list', path, error);
      }
    },
    look(path) {
      try {
        const found = lstatSync(belowRoot(root, path), { bigint: true });
        const isPlain = found.isFile() || found.isDirectory() || found.isSymbolicLink();
        return {
          isFile: found.isFile(),
          isDirectory: found.isDirectory(),
          isSymbolicLink: found.isSymbolicLink(),
          isSpecial: !isPlain,
          sizeBytes: Number(found.size),
          modifiedAtUs: Number(found.mtimeNs / 1000n),
          identity: `${found.dev}:${found.ino}`,
        };
      } catch (error) {
        const problem = hostError('look at', path, error);
        if (problem.kind === 'missing') return null;
        throw problem;
      }
    },
    netnsInode(path) {
      try {
        return statSync(path).ino; // follows /proc/N/ns/net; a name in /run/netns is the file itself
      } catch {
        return null;
      }
    },
    inodeBehind(path) {
      try {
        return statSync(belowRoot(root, path)).ino;
      } catch {
        return null;
      }
    },
    isKernelFileSystem(path) {
      try {
        return KERNEL_FILE_SYSTEMS.has(statfsSync(belowRoot(root, path)).type);
      } catch {
        return false;
      }
    },
    stream(path, options = {}) {
      const real = belowRoot(root, path);
      try {
        // Without waiting: opening a pipe that nobody writes to would not come back, and could not be given up.
        const descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK);
        const kind = fstatSync(descriptor);
        // A directory opens but does not read: say so here, not in the middle of a stream.
        if (kind.isDirectory()) {
          closeSync(descriptor);
          throw Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
        }
        if (!kind.isFile()) return waitingStream(descriptor, path, kind.isFIFO() && isNamed(descriptor));
        // Each read allocates the whole of it: many small files must not cost a megabyte each.
        const wanted = kind.size - (options.fromByte ?? 0) + 1;
        const highWaterMark = Math.min(MOST_READ_BYTES, Math.max(LEAST_READ_BYTES, wanted));
        return createReadStream(real, { fd: descriptor, start: options.fromByte, highWaterMark });
      } catch (error) {
        // Standard input may be a socket, which has no name to be opened by.
        if (path === '/dev/stdin' && (error as NodeJS.ErrnoException).code === 'ENXIO') return process.stdin;
        throw hostError('read', path, error);
      }
    },
    async *chunks(path) {
      try {
        yield* fileChunks(belowRoot(root, path));
      } catch (error) {
        throw hostError('read', path, error);
      }
    },
    hold: (path) => holdFile(path, belowRoot(root, path)),
    async run(command, args, options: RunOptions = {}) {
      const [program, rest] = within(options.netns, needed(command), args);
      // Loading execa takes longer than most answers that run no program.
      const { execa } = await import('execa');
      const result = await execa(program, rest, {
        reject: false,
        env: environment,
        extendEnv: false,
        stripFinalNewline: false,
        encoding: 'utf8',
        timeout: options.timeoutMs ?? 60_000,
        maxBuffer: options.maxBufferBytes ?? 256 << 20,
        forceKillAfterDelay: 2_000,
        ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
        ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
      });
      return asResult([command, ...args].join(' '), result);
    },
    pipe(command, args, options = {}): ProgramOutput {
      const [named, words] = within(options.netns, needed(command), args);
      // prctl(PR_SET_PDEATHSIG): nobody else would end it after a kill -9 of ours.
      const setpriv = options.isApart === true ? find('setpriv') : null;
      const [program, rest] =
        setpriv === null ? [named, words] : [setpriv, ['--pdeathsig', 'KILL', '--', named, ...words]];
      const stdout = new PassThrough();
      const stopped = new AbortController();
      // Not AbortSignal.any(): in Node 20 what it returns may be collected with its listeners.
      const stop = (): void => stopped.abort();
      if (options.signal?.aborted === true) stop();
      options.signal?.addEventListener('abort', stop, { once: true });
      let started: (pid: number | null) => void = () => {};
      const pid = new Promise<number | null>((resolve) => {
        started = resolve;
      });
      const start = async (): Promise<CommandResult> => {
        const { execa } = await import('execa');
        const child = execa(program, rest, {
          reject: false,
          env: environment,
          extendEnv: false,
          buffer: { stdout: false, stderr: true },
          stdin: options.input === undefined ? 'ignore' : 'pipe',
          encoding: 'utf8',
          forceKillAfterDelay: 2_000,
          cancelSignal: stopped.signal,
          ...(options.isApart === true ? { detached: true } : {}),
        });
        started(child.pid ?? null);
        if (options.input !== undefined && child.stdin !== null) {
          child.stdin.on('error', () => {}); // the program may end before its input does
          options.input.on('error', () => child.stdin?.destroy());
          options.input.pipe(child.stdin);
        }
        if (child.stdout === null) stdout.end();
        else pipeline(child.stdout, stdout, () => {});
        const result = await child;
        options.signal?.removeEventListener('abort', stop);
        return asResult([command, ...args].join(' '), result);
      };
      return {
        stdout,
        pid,
        ended: start(),
        stop() {
          stop();
          // What nobody reads any more would keep its pipe, and so this process, open for ever.
          stdout.destroy();
        },
      };
    },
    find,
    identity(): HostIdentity {
      const release = host.readOrNull('/proc/sys/kernel/osrelease')?.trim() ?? 'unknown';
      const bootId = host.readOrNull('/proc/sys/kernel/random/boot_id')?.trim().replaceAll('-', '') ?? null;
      return {
        name: host.readOrNull('/proc/sys/kernel/hostname')?.trim() ?? hostname(),
        kernelRelease: release,
        bootId,
        uid: process.getuid?.() ?? -1,
        netnsInode: namespaceInode(),
      };
    },
  };
  return host;
}

function holdFile(path: string, real: string): HeldFile | null {
  let descriptor: number;
  try {
    descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const problem = hostError('follow', path, error);
    if (problem.kind === 'missing') return null;
    throw problem;
  }
  const facts = fstatSync(descriptor, { bigint: true });
  if (!facts.isFile()) {
    closeSync(descriptor);
    throw new HostError('failed', path, `cannot follow ${path}: it is no file`);
  }
  return {
    identity: `${facts.dev}:${facts.ino}`,
    sizeBytes: () => fstatSync(descriptor).size,
    bytes(from, to) {
      const buffer = Buffer.alloc(Math.max(0, to - from));
      return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, from));
    },
    stream: (fromByte) =>
      createReadStream(real, { fd: descriptor, start: fromByte, autoClose: false, highWaterMark: 1 << 20 }),
    close: () => closeSync(descriptor),
  };
}

/** Pipes of a shell have no name, and had their writer from the beginning. */
function isNamed(descriptor: number): boolean {
  try {
    return !readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('pipe:');
  } catch {
    return false;
  }
}

/** Inode of the network namespace we are in, as `table full in netns N` prints it; NULL without /proc. */
function namespaceInode(): number | null {
  try {
    const inode = Number(/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/net'))?.[1]);
    return Number.isInteger(inode) ? inode : null;
  } catch {
    return null;
  }
}
