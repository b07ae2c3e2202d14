// Runs one command on another kernel: QEMU boots it with this machine's files under a throw-away overlay, so that the checkout, its Node
// and the installed tools are those of the machine. Nothing of the machine can be altered from inside but one shared folder.

import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delay } from '../lab/clock.js';
import type { FetchedKernel } from './debian-kernel.js';
import { makeInitrd } from './initrd.js';

export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
/** Where the guest finds the shared folder. */
export const SHARED_IN_GUEST = '/run/shared';
const LOOK_MS = 250;
const BUSYBOX = '/bin/busybox';

export type Acceleration = 'kvm' | 'tcg';

export interface GuestOptions {
  readonly kernel: FetchedKernel;
  readonly acceleration: Acceleration;
  /** For sh, run as root. */
  readonly command: string;
  /** A folder of the machine, empty; the guest's `SHARED_IN_GUEST`. Afterwards it holds output, status, kernel-log and serial. */
  readonly shared: string;
  readonly timeoutMs: number;
  /** The machine's systemd is the guest's first process; without it nothing but the command runs there. */
  readonly hasSystemd?: boolean;
  /** More for the kernel's command line. */
  readonly append?: string;
  /** Switches the guest off before its time. */
  readonly signal?: AbortSignal;
  /** Called with what the command writes, as it comes. */
  readonly onOutput?: (text: string) => void;
}

export type GuestEnd =
  | { readonly kind: 'ended'; readonly status: number }
  | { readonly kind: 'timed out'; readonly hasStarted: boolean }
  | { readonly kind: 'died'; readonly hasStarted: boolean; readonly lastWords: string };

/** KVM needs more than its device: without the processor's own support a stock kernel does not get past its first page tables. */
export function bestAcceleration(): Acceleration {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return /^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8')) ? 'kvm' : 'tcg';
  } catch {
    return 'tcg';
  }
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => process.exit(status));
}

/** An empty folder to share with a guest; it goes with this process. */
export function sharedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ctwhy-guest-'));
  folders.add(folder);
  return folder;
}

/** Boots, runs the command, waits for the end. The machine emulator does not outlive this process, whatever way that ends. */
export async function runInGuest(options: GuestOptions): Promise<GuestEnd> {
  const { kernel, shared } = options;
  const initrd = join(shared, 'initrd');
  const settings = {
    SHARED: SHARED_IN_GUEST.slice(1),
    MODULES: kernel.modules.slice(1),
    COPIED: readsByPage(kernel.release) ? largeFiles().join('\n') : '',
    SYSTEMD: options.hasSystemd === true ? 'yes' : '',
  };
  writeFileSync(initrd, makeInitrd(kernel, BUSYBOX, settings));
  writeFileSync(join(shared, 'command'), options.command);
  const serial = openSync(join(shared, 'serial'), 'w');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...emulatorWords(options, initrd)], {
    stdio: ['ignore', serial, serial],
  });
  closeSync(serial);
  running.add(child);
  const state = { hasEnded: false, failure: '' };
  child.on('error', (error) => Object.assign(state, { hasEnded: true, failure: error.message }));
  child.on('exit', () => Object.assign(state, { hasEnded: true }));

  const tail = followFile(join(shared, 'output'), options.onOutput ?? (() => undefined));
  const deadline = Date.now() + options.timeoutMs;
  try {
    while (!state.hasEnded && Date.now() < deadline && options.signal?.aborted !== true) {
      await delay(LOOK_MS);
      tail();
    }
    const hasStarted = existsSync(join(shared, 'started'));
    if (!state.hasEnded) return { kind: 'timed out', hasStarted };
    tail();
    const status = Number.parseInt(readIfThere(join(shared, 'status')), 10);
    if (!Number.isNaN(status)) return { kind: 'ended', status };
    const words = (state.failure || readIfThere(join(shared, 'serial'))).trim().split('\n');
    return { kind: 'died', hasStarted, lastWords: words.slice(-5).join('\n') };
  } finally {
    child.kill('SIGKILL');
    running.delete(child);
    rmSync(initrd, { force: true });
  }
}

/** Before v5.15 (fs/9p/vfs_addr.c) a cached file comes page by page: half a minute for Node alone. */
function readsByPage(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major < 5 || (major === 5 && minor < 15);
}

/** Programs and libraries of this checkout that every test loads, without the leading slash. */
function largeFiles(): readonly string[] {
  const modules = join(CHECKOUT, 'node_modules');
  const loaded = readdirSync(modules, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(\/Release\/|-gnu\/)[^/]+\.node$|\/esbuild$/.test(path))
    .map((path) => join(modules, path))
    .filter((path) => statSync(path).isFile());
  const programs = ['/usr/bin/python3'].filter(existsSync);
  return [process.execPath, ...programs, ...loaded].map((path) => realpathSync(path).slice(1));
}

function emulatorWords({ kernel, acceleration, shared, append }: GuestOptions, initrd: string): string[] {
  function share(path: string, tag: string, isReadOnly: boolean): string[] {
    const words = `local,path=${path.replaceAll(',', ',,')},mount_tag=${tag},security_model=none,multidevs=remap`;
    return ['-virtfs', isReadOnly ? `${words},readonly=on` : words];
  }
  const [accel, cpu] = acceleration === 'kvm' ? ['kvm', 'host'] : ['tcg,thread=multi', 'max'];
  // Emulated processors wait for each other at each change of a page table: two of them do the work of one.
  const [processors, clock] = acceleration === 'kvm' ? ['2', ''] : ['1', 'tsc=reliable'];
  return [
    'qemu-system-x86_64',
    ...['-accel', accel, '-cpu', cpu, '-smp', processors, '-m', '2048'],
    ...['-kernel', kernel.image, '-initrd', initrd],
    ...['-append', `console=ttyS0 quiet loglevel=1 panic=-1 ${clock} ${append ?? ''}`],
    ...['-nographic', '-no-reboot', '-net', 'none'],
    ...share('/', 'machine', true),
    ...share(shared, 'shared', false),
  ];
}

/** A function that hands on what the file has grown by since the last call. */
function followFile(path: string, onText: (text: string) => void): () => void {
  let position = 0;
  const decoder = new TextDecoder();
  return () => {
    if (!existsSync(path)) return;
    const file = openSync(path, 'r');
    const buffer = Buffer.alloc(65_536);
    for (;;) {
      const size = readSync(file, buffer, 0, buffer.length, position);
      if (size === 0) break;
      position += size;
      onText(decoder.decode(buffer.subarray(0, size), { stream: true }));
    }
    closeSync(file);
  };
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
