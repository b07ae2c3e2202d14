// What the firewall of the comparison needs of a lab, wherever that is.

import type { NamedEnd } from '../lab/lab.js';
import type { Finished } from '../lab/process.js';

export interface FirewallHost {
  readonly namespace: string;
  /** Runs a command there, `input` on its standard input; rejects when it fails. */
  run(command: string, input?: string): Promise<Finished>;
  setSysctls(values: Readonly<Record<string, number | string>>): Promise<void>;
}

export interface FirewallEnd extends NamedEnd {
  readonly host: FirewallHost;
}

export interface FirewallLab {
  addHost(role: string): Promise<FirewallHost>;
  wire(a: FirewallEnd, b: FirewallEnd): Promise<void>;
  close(): void | Promise<void>;
}
