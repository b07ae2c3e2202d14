// Acting within one network namespace of the host: reading and writing its settings and running programs there, by whatever path the
// namespace can be reached today.

import { type CommandResult, HostError, type RunOptions } from '../host/host.js';
import type { WriteHost } from '../host/write-host.js';

/** A namespace to act in; undefined: the one this process is in. */
export type NetnsPath = string | undefined;

/** The text of a setting without its line feed. @throws HostError */
export async function readIn(host: WriteHost, netns: NetnsPath, path: string): Promise<string> {
  if (netns === undefined) return host.read(path).trim();
  const result = await host.run('cat', [path], { netns });
  if (result.exitStatus === 0) return result.stdout.trim();
  const kind = /No such file/.test(result.stderr) ? 'missing' : 'failed';
  throw new HostError(kind, path, `cannot read ${path} in ${netns}: ${firstLine(result.stderr)}`);
}

/** @throws HostError with what the kernel said */
export async function writeIn(host: WriteHost, netns: NetnsPath, path: string, text: string): Promise<void> {
  if (netns === undefined) {
    host.write(path, text);
    return;
  }
  const result = await host.runChanging('tee', [path], { netns, input: text });
  if (result.exitStatus !== 0)
    throw new HostError('failed', path, `cannot write '${text}' to ${path} in ${netns}: ${firstLine(result.stderr)}`);
}

/** Runs a program that must succeed. @throws HostError naming the program and its first complaint */
export async function mustRun(
  host: WriteHost,
  netns: NetnsPath,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const result = await host.runChanging(command, args, { ...options, ...(netns === undefined ? {} : { netns }) });
  if (result.exitStatus !== 0) {
    const said = complaintOf(result);
    const kind = /resource (temporarily )?unavailable|xtables lock|device or resource busy/i.test(said)
      ? 'busy'
      : 'failed';
    throw new HostError(kind, command, `${[command, ...args].join(' ')}: ${said}`);
  }
  return result;
}

/**
 * Today's path to the namespace with this inode: undefined for our own, NULL when no process and no name holds it any more.
 * @param inode of the namespace's file; NULL is taken for our own
 */
export function pathToNetns(host: WriteHost, inode: number | null): NetnsPath | null {
  if (inode === null || host.netnsInode('/proc/self/ns/net') === inode) return undefined;
  const named = ['/run/netns', '/var/run/docker/netns'].flatMap((folder) =>
    listOrNothing(host, folder).map((name) => `${folder}/${name}`),
  );
  const ofProcesses = listOrNothing(host, '/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `/proc/${pid}/ns/net`);
  return [...named, ...ofProcesses].find((path) => host.netnsInode(path) === inode) ?? null;
}

function listOrNothing(host: WriteHost, folder: string): readonly string[] {
  try {
    return host.list(folder);
  } catch {
    return [];
  }
}

/** What a program that failed said; where it said nothing, how it ended. */
export function complaintOf({ stderr, stdout, isTimedOut, durationMs, exitStatus, signal }: CommandResult): string {
  if (isTimedOut) return `no answer within ${Math.round(durationMs / 1000)} s`;
  return (
    firstLine(stderr) || firstLine(stdout) || (signal === null ? `exit status ${exitStatus}` : `ended by ${signal}`)
  );
}

export function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
