// Which kernels are tried, and where is each on this machine? Stock Debian kernels, fetched once through the machine's own apt sources.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface WantedKernel {
  /** What --kernel takes. */
  readonly name: string;
  readonly suite: string;
}

/** Oldest first. */
export const WANTED_KERNELS: readonly WantedKernel[] = [
  { name: '5.10', suite: 'bullseye' },
  { name: '6.1', suite: 'bookworm' },
  { name: '6.12', suite: 'trixie' },
  { name: 'newest', suite: 'sid' },
];

/** A kernel unpacked on this machine. */
export interface FetchedKernel {
  /** As `uname -r` says it. */
  readonly release: string;
  readonly image: string;
  /** Folder that holds the folder named after the release, with what depmod wrote. */
  readonly modules: string;
}

/** A reason, fit for one line, why a kernel or a program cannot be had. */
export class Lacking extends Error {}

export function kernelFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ctwhy', 'kernels');
}

/** The kernel from the cache, or fetched into it; `isFresh` asks the mirror again. Throws Lacking. */
export function debianKernel(wanted: WantedKernel, isFresh: boolean): FetchedKernel {
  const folder = join(kernelFolder(), wanted.suite);
  mkdirSync(folder, { recursive: true });
  const cached = cachedRelease(wanted);
  const release = cached === undefined || isFresh ? fetchKernel(wanted, folder) : cached;
  return { release, image: join(folder, release, 'vmlinuz'), modules: join(folder, release, 'modules') };
}

/** The newest of the wanted kind that is on this machine. */
export function cachedRelease({ suite }: WantedKernel): string | undefined {
  const folder = join(kernelFolder(), suite);
  return existsSync(folder) ? newestOf(readdirSync(folder).filter((name) => /^\d/.test(name))) : undefined;
}

function fetchKernel(wanted: WantedKernel, folder: string): string {
  const apt = aptFor(wanted.suite, folder);
  apt('apt-get', 'update', '-qq');
  const packages = new Set(apt('apt-cache', 'pkgnames', 'linux-').split('\n'));
  // The plain kernel only: not those for clouds, for real time, nor the unsigned ones.
  const releases = [...packages].flatMap((name) => /^linux-image-(\d[^-]*(?:-\d+)?-amd64)$/.exec(name)?.[1] ?? []);
  const release = newestOf(
    wanted.name === 'newest' ? releases : releases.filter((one) => one.startsWith(`${wanted.name}.`)),
  );
  if (release === undefined) throw new Lacking(`the mirror's suite ${wanted.suite} holds no such kernel`);
  if (existsSync(join(folder, release))) return release;

  const work = mkdtempSync(join(folder, 'unpacking-'));
  try {
    // Since 6.14 Debian keeps image and modules in packages of their own.
    const names = [`linux-image-${release}`, `linux-binary-${release}`, `linux-modules-${release}`];
    const present = names.filter((name) => packages.has(name));
    apt('apt-get', 'download', '-qq', ...present, { cwd: work });
    const tree = join(work, 'tree');
    for (const name of readdirSync(work)) if (name.endsWith('.deb')) call('dpkg', ['-x', join(work, name), tree]);
    const whole = join(work, 'whole');
    mkdirSync(join(whole, 'lib'), { recursive: true });
    const modules = ['lib/modules', 'usr/lib/modules'].find((path) => existsSync(join(tree, path, release)));
    if (modules === undefined) throw new Lacking(`the packages of ${release} hold no modules`);
    renameSync(join(tree, modules), join(whole, 'lib/modules'));
    const image = [join(tree, 'boot', `vmlinuz-${release}`), join(whole, 'lib/modules', release, 'vmlinuz')].find(
      existsSync,
    );
    if (image === undefined) throw new Lacking(`the packages of ${release} hold no kernel image`);
    renameSync(image, join(whole, 'vmlinuz'));
    call('depmod', ['-b', whole, release]);
    renameSync(join(whole, 'lib/modules'), join(whole, 'modules'));
    // Another run may have been quicker; then its copy stands.
    if (!existsSync(join(folder, release))) renameSync(whole, join(folder, release));
    return release;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

type Apt = (tool: 'apt-get' | 'apt-cache', ...words: (string | { cwd: string })[]) => string;

/** apt on one suite of this machine's mirror, with lists and a cache of its own, so that the machine's stay as they are. */
function aptFor(suite: string, folder: string): Apt {
  const state = join(folder, 'apt');
  for (const path of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(state, path), { recursive: true });
  const sources = join(state, 'sources.list');
  writeFileSync(sources, `deb ${debianMirror()} ${suite} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${join(state, 'lists')}`,
    `Dir::Cache=${join(state, 'cache')}`,
    'APT::Sandbox::User=',
  ].flatMap((option) => ['-o', option]);
  return (tool, ...words) => {
    const cwd = words.find((word) => typeof word !== 'string')?.cwd;
    return call(tool, [...options, ...words.filter((word) => typeof word === 'string')], cwd);
  };
}

function debianMirror(): string {
  const targets = call('apt-get', ['indextargets', '--format', '$(REPO_URI) $(COMPONENT) $(CREATED_BY)']);
  const uris = targets.split('\n').flatMap((line) => /^(\S+\/debian\/?) main Packages$/.exec(line)?.[1] ?? []);
  if (uris[0] === undefined) throw new Lacking('no Debian mirror in the apt sources of this machine');
  return uris[0];
}

function call(program: string, words: readonly string[], cwd?: string): string {
  try {
    return execFileSync(program, words, { encoding: 'utf8', cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const told = error as { readonly code?: string; readonly stderr?: string };
    const reason = told.stderr?.trim().split('\n').at(-1) || told.code || 'it failed';
    throw new Lacking(`${program} ${words.find((word) => /^[a-z]+$/.test(word)) ?? ''}: ${reason}`);
  }
}

/** The highest by its numbers: 6.1.0-9 is older than 6.1.0-50. */
function newestOf(releases: readonly string[]): string | undefined {
  return [...releases].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}
