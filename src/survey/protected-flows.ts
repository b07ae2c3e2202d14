// Connections that a rule of ours must not print about by accident: the SSH session somebody works in, and what carries the log away
// (each line about it makes the next one).

import type { ReadHost } from '../host/host.js';
import { ssForm } from '../parsers/forms/ss.js';
import { readText } from './read-text.js';

export interface ProtectedFlow {
  readonly why: 'ssh' | 'log-shipping';
  /** The program that holds it. */
  readonly process: string;
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
}

const SSH = /^(sshd|sshd-session|dropbear|tailscaled|mosh-server)$/;
const SHIPPERS =
  /^(rsyslogd|syslog-ng|systemd-journal-upload|systemd-journal-u|fluentd|fluent-bit|td-agent|vector|filebeat|promtail|logstash|nxlog|splunkd|otelcol\S*|alloy|grafana-agent|vlagent)$/;

/**
 * Sockets of sshd and of log shippers in this namespace. The session is found by its socket: sudo hides SSH_CONNECTION, tmux outlives it.
 * Needs root to see whose sockets they are.
 */
export async function protectedFlows(host: ReadHost): Promise<readonly ProtectedFlow[]> {
  if (host.find('ss') === null) return [];
  const args = ['-H', '-t', '-u', '-n', '-a', '-p'];
  const listed = await host.run('ss', args, { timeoutMs: 20_000 }).catch(() => null);
  if (listed?.exitStatus !== 0) return [];
  return readText(ssForm, listed.stdout, `ss ${args.join(' ')}`).flatMap((record): ProtectedFlow[] => {
    if (record.kind !== 'socket') return [];
    const { socket } = record;
    const name = /"([^"]+)"/.exec(socket.process ?? '')?.[1] ?? socket.process?.split(/[ ,]/)[0] ?? '';
    const why = SSH.test(name) ? 'ssh' : SHIPPERS.test(name) ? 'log-shipping' : null;
    if (why === null || socket.peer === null || socket.pport === null || socket.state === 'LISTEN') return [];
    return [
      {
        why,
        process: name,
        proto: socket.proto,
        src: unmapped(socket.local),
        sport: socket.lport,
        dst: unmapped(socket.peer),
        dport: socket.pport,
      },
    ];
  });
}

/** An IPv4 connection of an IPv6 socket is IPv4 on the wire. */
const unmapped = (address: string) => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').split('%')[0]!;
