// Starts this program again inside another network namespace: settings, rules, sockets and entries are then those of that namespace.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { endingWithUs } from './end-with-us.js';
import { HostError, type ReadHost } from './host.js';

/** The file of a namespace given by name, path or process id. @throws HostError when there is none */
export function netnsFile(host: ReadHost, netns: string): string {
  const path = netns.startsWith('/') ? netns : /^\d+$/.test(netns) ? `/proc/${netns}/ns/net` : `/run/netns/${netns}`;
  const isPlain = netns.startsWith('/') || /^[\w.-]+$/.test(netns);
  if (!isPlain || netns === '.' || netns === '..' || host.netnsInode(path) === null)
    throw new HostError(
      'missing',
      netns,
      `there is no network namespace '${netns}' (looked for ${path}); give a name of 'ip netns list', a path or a process id`,
    );
  return path;
}

/**
 * Runs a program in the namespace with our own terminal.
 * @param words the program and its arguments
 * @returns its exit status; 128 + signal when a signal ended it
 */
export async function runInNetns(
  host: ReadHost,
  path: string,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const nsenter = host.find('nsenter');
  if (nsenter === null)
    throw new HostError('missing', 'nsenter', 'entering a network namespace needs nsenter (package util-linux)');
  return await new Promise((resolve, reject) => {
    // Whoever kills the process he sees means this one too, and this one has a host to put back.
    const [program, args] = endingWithUs([nsenter, `--net=${path}`, '--', ...words], 'TERM', '');
    const child = spawn(program, args, { stdio: 'inherit', env: { ...environment } });
    // The terminal sends Ctrl-C to both; the child decides what becomes of it.
    const ignore = () => {};
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    process.on('SIGINT', ignore);
    process.on('SIGTERM', pass);
    process.on('SIGHUP', pass);
    child.on('error', reject);
    child.on('close', (status, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', pass);
      process.off('SIGHUP', pass);
      resolve(status ?? (signal === null ? 1 : 128 + constants.signals[signal]));
    });
  });
}
