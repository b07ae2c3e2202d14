// Which connections need a helper, and what each helper would announce.

export interface Helped {
  readonly helper: string;
  readonly proto: number;
  readonly port: number;
  /** Whether a first packet between the same two hosts is one the helper would have announced; NULL: any new one may be. */
  announces(packet: {
    readonly proto: number;
    readonly sport: number | null;
    readonly dport: number | null;
  }): 'surely' | 'perhaps' | 'no';
}

const isHigh = (port: number | null) => port !== null && port >= 1024;

/** Default ports of the helpers (net/netfilter/nf_conntrack_ftp.c and its neighbours, v6.18). */
export const HELPED: readonly Helped[] = [
  {
    helper: 'ftp',
    proto: 6,
    port: 21,
    announces: ({ proto, sport, dport }) =>
      proto === 6 && sport === 20 ? 'surely' : proto === 6 && isHigh(sport) && isHigh(dport) ? 'perhaps' : 'no',
  },
  { helper: 'pptp', proto: 6, port: 1723, announces: ({ proto }) => (proto === 47 ? 'surely' : 'no') },
  {
    helper: 'tftp',
    proto: 17,
    port: 69,
    announces: ({ proto, sport, dport }) => (proto === 17 && isHigh(sport) && isHigh(dport) ? 'perhaps' : 'no'),
  },
  ...[5060, 1719].map(
    (port): Helped => ({
      helper: port === 5060 ? 'sip' : 'RAS',
      proto: 17,
      port,
      announces: ({ proto, sport, dport }) => (proto === 17 && isHigh(sport) && isHigh(dport) ? 'perhaps' : 'no'),
    }),
  ),
  {
    helper: 'sip',
    proto: 6,
    port: 5060,
    announces: ({ proto, dport }) => (proto === 17 && isHigh(dport) ? 'perhaps' : 'no'),
  },
  {
    helper: 'Q.931',
    proto: 6,
    port: 1720,
    announces: ({ proto, dport }) => (isHigh(dport) && proto !== 1 ? 'perhaps' : 'no'),
  },
  {
    helper: 'irc',
    proto: 6,
    port: 6667,
    announces: ({ proto, sport, dport }) => (proto === 6 && isHigh(sport) && isHigh(dport) ? 'perhaps' : 'no'),
  },
  {
    helper: 'amanda',
    proto: 17,
    port: 10080,
    announces: ({ proto, dport }) => (proto === 6 && isHigh(dport) ? 'perhaps' : 'no'),
  },
];

/** The helper that a connection to this port would need; NULL: none. */
export function helperOf(proto: number, port: number | null): Helped | null {
  return HELPED.find((one) => one.proto === proto && one.port === port) ?? null;
}
