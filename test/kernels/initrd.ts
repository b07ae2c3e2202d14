// What the guest starts from: a busybox, the modules that its disks need, in order, and guest-init.sh; a cpio archive that is written here.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FetchedKernel } from './debian-kernel.js';

const INIT = fileURLToPath(new URL('guest-init.sh', import.meta.url));
/** The machine's files by 9p over virtio, with an overlay on top. */
const NEEDED_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const MODPROBE = '#!/bin/busybox sh\nexec /bin/busybox chroot /root /sbin/modprobe "$@"\n';
const FOLDERS = ['bin', 'sbin', 'proc', 'sys', 'dev', 'modules', 'below', 'above', 'root'];

/** The archive, compressed. `settings` are words of guest-init.sh. */
export function makeInitrd(kernel: FetchedKernel, busybox: string, settings: Readonly<Record<string, string>>): Buffer {
  const parts = FOLDERS.map((name) => member(name, 0o040755, Buffer.alloc(0)));
  parts.push(member('bin/busybox', 0o100755, readFileSync(busybox)));
  parts.push(member('init', 0o100755, readFileSync(INIT)));
  // The kernel asks for modules from where it was started, not from the root that init goes to.
  parts.push(member('sbin/modprobe', 0o100755, Buffer.from(MODPROBE)));
  const words = Object.entries(settings).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`);
  parts.push(member('settings', 0o100644, Buffer.from(words.join(''))));
  for (const [n, path] of modulesInOrder(kernel).entries()) {
    const name = `${String(n).padStart(2, '0')}-${basename(path).replace(/\.(xz|zst)$/, '')}`;
    parts.push(member(`modules/${name}`, 0o100644, unpacked(join(kernel.modules, kernel.release, path))));
  }
  parts.push(member('TRAILER!!!', 0, Buffer.alloc(0)));
  return gzipSync(Buffer.concat(parts), { level: 1 });
}

/** Paths of the needed modules, each after those that it depends on; what is built into the kernel is not among them. */
function modulesInOrder(kernel: FetchedKernel): readonly string[] {
  const lines = readFileSync(join(kernel.modules, kernel.release, 'modules.dep'), 'utf8').split('\n');
  const dependencies = new Map(
    lines.map((line) => {
      const [path = '', needs = ''] = line.split(':');
      return [path, needs.split(' ').filter((word) => word !== '')] as const;
    }),
  );
  const ordered = new Set<string>();
  for (const name of NEEDED_MODULES) {
    const path = [...dependencies.keys()].find((one) => basename(one).replace(/\.ko(\.\w+)?$/, '') === name);
    if (path === undefined) continue;
    // modules.dep names the nearest dependency first.
    for (const needed of [path, ...(dependencies.get(path) ?? [])].reverse()) ordered.add(needed);
  }
  return [...ordered];
}

function unpacked(path: string): Buffer {
  const program = path.endsWith('.xz') ? 'xz' : path.endsWith('.zst') ? 'zstd' : null;
  if (program === null) return readFileSync(path);
  return execFileSync(program, ['-dcq', path], { maxBuffer: 64 << 20 });
}

let inode = 0;

/** One member of a cpio archive in the "new ASCII" form: 110 bytes of hex, the name, the content, each padded to four bytes. */
function member(name: string, mode: number, content: Buffer): Buffer {
  inode += 1;
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`);
  return Buffer.concat([head, Buffer.alloc(-head.length & 3), content, Buffer.alloc(-content.length & 3)]);
}
