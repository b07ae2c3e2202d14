// What a guest needs of the machine, and what of it is not there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Program and the Debian package that brings it; bin/from-clone.js installs the same ones. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['busybox', 'busybox-static'],
  ['depmod', 'kmod'],
  ['xz', 'xz-utils'],
  ['zstd', 'zstd'],
  ['setpriv', 'util-linux'],
  ['apt-get', 'apt'],
  ['dpkg', 'dpkg'],
];
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Names fit for one line; empty when nothing is missing. */
export function missingPrograms(): readonly string[] {
  const missing = PROGRAMS.filter(([name]) => !FOLDERS.some((folder) => existsSync(join(folder, name)))).map(
    ([name, debianPackage]) => `${name} (Debian: ${debianPackage})`,
  );
  return process.arch === 'x64' ? missing : [...missing, `an x86-64 machine (this is ${process.arch})`];
}
